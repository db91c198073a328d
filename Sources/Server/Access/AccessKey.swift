/// A secret that is compared in a time that does not depend on where the first difference is.
struct AccessKey: Sendable {
    private let bytes: [UInt8]

    init(_ key: String) { bytes = Array(key.utf8) }

    /// Takes time by the presented text's length only.
    func matches(_ presented: some StringProtocol) -> Bool {
        var difference = presented.utf8.count ^ bytes.count
        for (index, byte) in presented.utf8.enumerated() {
            // An empty key must not index; its length already differs from any text's.
            let expected = bytes.isEmpty ? 0 : bytes[index % bytes.count]
            difference |= Int(byte ^ expected)
        }
        return difference == 0 && !bytes.isEmpty
    }
}
