import JSON

extension Normalizer {
    /// Reads `{"type": …}`; a kind that is not listed here is refused.
    init(_ value: JSONValue, path: String) throws(TokenizationError) {
        let fields = try Fields(value, path: path)
        switch try fields.string("type") {
        case "ByteLevel": self = .byteLevel
        case "Lowercase": self = .lowercase
        case "NFC": self = .unicode(.nfc)
        case "NFD": self = .unicode(.nfd)
        case "NFKC": self = .unicode(.nfkc)
        case "NFKD": self = .unicode(.nfkd)
        case "Prepend": self = .prepend(Array(try fields.string("prepend").utf8))
        case "Replace": self = .replace(try fields.pattern("pattern"), Array(try fields.string("content").utf8))
        case "Sequence":
            self = .sequence(
                try fields.elements("normalizers") { (value, path) throws(TokenizationError) in
                    try Normalizer(value, path: path)
                }
            )
        case "Strip": self = .strip(left: try fields.bool("strip_left"), right: try fields.bool("strip_right"))
        case "StripAccents": self = .stripAccents
        case let kind: throw .unsupported(field: "\(path).type", kind: kind)
        }
    }
}

extension Fields {
    /// Reads every element of an array, naming its index in errors.
    func elements<Element>(
        _ key: String,
        _ read: (JSONValue, String) throws(TokenizationError) -> Element
    ) throws(TokenizationError) -> [Element] {
        var elements: [Element] = []
        for (index, value) in try array(key).enumerated() {
            elements.append(try read(value, "\(field(key))[\(index)]"))
        }
        return elements
    }
}
