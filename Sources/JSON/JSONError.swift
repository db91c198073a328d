/// Why a text is not the JSON we accept. Offsets count bytes from the start.
package enum JSONError: Error, Equatable, CustomStringConvertible {
    case depthExceeded(limit: Int, offset: Int)
    case duplicateKey(String, offset: Int)
    case invalidNumber(offset: Int)
    case invalidString(reason: String, offset: Int)
    case tooLarge(bytes: Int, limit: Int)
    case trailingContent(offset: Int)
    case unexpectedByte(UInt8, offset: Int)
    case unexpectedEnd

    package var description: String {
        switch self {
        case .depthExceeded(let limit, let offset): "nested deeper than \(limit) levels at byte \(offset)"
        case .duplicateKey(let key, let offset): "key \"\(key)\" appears twice in one object, at byte \(offset)"
        case .invalidNumber(let offset): "malformed or unrepresentable number at byte \(offset)"
        case .invalidString(let reason, let offset): "\(reason) in a string at byte \(offset)"
        case .tooLarge(let bytes, let limit): "\(bytes) bytes, at most \(limit) are read"
        case .trailingContent(let offset): "content after the document's end at byte \(offset)"
        case .unexpectedByte(let byte, let offset): "unexpected byte 0x\(String(byte, radix: 16)) at byte \(offset)"
        case .unexpectedEnd: "the text ends in the middle of a value"
        }
    }
}
