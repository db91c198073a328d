/// What may name an adapter: it is shown in lists, logs and metrics, and sent as `model` by clients.
enum AdapterNames {
    /// The bound on a name's length, in characters.
    static let length = 1...256

    static func check(_ name: String) throws(AdapterError) {
        let count = name.unicodeScalars.count
        guard length.contains(count) else {
            let shown = String(name.unicodeScalars.prefix(32).map(Character.init))
            throw .invalidName(name: shown, reason: "it has \(count) characters, the bound is 1 ... 256")
        }
        guard !name.unicodeScalars.contains(where: isUnprintable) else {
            throw .invalidName(name: name.debugDescription, reason: "it has a character that cannot be printed")
        }
        guard name.first != " ", name.last != " " else {
            throw .invalidName(name: name, reason: "it starts or ends with a space")
        }
        guard !name.contains(",") else {
            throw .invalidName(name: name, reason: "it has a comma, which parts names in metrics")
        }
        guard !["/pin", "/unpin"].contains(where: name.hasSuffix) else {
            throw .invalidName(name: name, reason: "it ends like the path of an admin route")
        }
    }

    private static func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
