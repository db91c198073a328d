/// Why a message from another process is refused.
package enum ProtocolError: Error, Equatable, CustomStringConvertible {
    /// The field must be there.
    case missing(field: String)
    case outOfRange(field: String, bound: String, value: String)
    /// A valid message, but not at this point of the conversation.
    case unexpected(message: String, expected: String)

    package var description: String {
        switch self {
        case .missing(let field): "'\(field)' is missing"
        case .outOfRange(let field, let bound, let value): "'\(field)' is \(value), but must be \(bound)"
        case .unexpected(let message, let expected): "got \(message) where \(expected) must come"
        }
    }
}
