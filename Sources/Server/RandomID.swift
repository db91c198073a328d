/// Names for requests and answers.
enum RandomID {
    /// 32 hexadecimal digits.
    static func next() -> String { half() + half() }

    private static func half() -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// A caller's own id if it is short and printable, so that it may be put into headers and logs.
    static func accepted(_ presented: String?) -> String? {
        guard let presented, (1...128).contains(presented.utf8.count),
            presented.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        return presented
    }
}
