import JSON

/// How tokens become text again: the steps of a `decoder` block, flattened.
enum Decoder: Sendable {
    case byteFallback
    case byteLevel
    case fuse
    /// A space between tokens; what happens without a decoder.
    case joinWithSpaces
    case metaspace(replacement: [UInt8], dropsFirst: Bool)
    case replace(Pattern, [UInt8])
    case strip(content: [UInt8], start: Int, stop: Int)

    /// Reads `{"type": …}` into steps; a kind that is not listed here is refused.
    static func steps(_ value: JSONValue, path: String) throws(TokenizationError) -> [Decoder] {
        let fields = try Fields(value, path: path)
        switch try fields.string("type") {
        case "ByteFallback": return [.byteFallback]
        case "ByteLevel": return [.byteLevel]
        case "Fuse": return [.fuse]
        case "Metaspace":
            let replacement = Array(String(try fields.scalar("replacement")).utf8)
            return [.metaspace(replacement: replacement, dropsFirst: try fields.prependScheme() != .never)]
        case "Replace": return [.replace(try fields.pattern("pattern"), Array(try fields.string("content").utf8))]
        case "Sequence":
            return try fields.elements("decoders") { (value, path) throws(TokenizationError) in
                try steps(value, path: path)
            }.flatMap { $0 }
        case "Strip":
            let content = Array(String(try fields.scalar("content")).utf8)
            let limit = 1 << 16
            return [
                .strip(
                    content: content,
                    start: try fields.integer("start", below: limit),
                    stop: try fields.integer("stop", below: limit)
                )
            ]
        case let kind: throw .unsupported(field: "\(path).type", kind: kind)
        }
    }
}
