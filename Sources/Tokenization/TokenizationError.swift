package import JSON

/// Why a `tokenizer.json` cannot be used.
///
/// `field` is a dotted path into the file, as in `model.vocab`.
package enum TokenizationError: Error, Equatable, CustomStringConvertible {
    /// The file numbers an added token otherwise than the reference implementation would.
    case addedTokenID(content: String, declared: Int, expected: Int)
    case duplicateID(id: Int, first: String, second: String)
    case duplicateToken(String)
    case idOutOfRange(field: String, id: Int, limit: Int)
    case invalidEncoding
    case invalidValue(field: String, value: String, expected: String)
    case json(JSONError)
    case malformed(expected: String, offset: Int)
    case missing(field: String)
    case pattern(field: String, pattern: String, PatternError)
    case unknownToken(field: String, token: String)
    case unsupported(field: String, kind: String)
    case wrongType(field: String, expected: String, actual: String)

    package var description: String {
        switch self {
        case .addedTokenID(let content, let declared, let expected):
            "added token \"\(content)\" has id \(declared), but its place in added_tokens gives \(expected)"
        case .duplicateID(let id, let first, let second):
            "id \(id) is given to \"\(first)\" and to \"\(second)\""
        case .duplicateToken(let token): "token \"\(token)\" appears twice in model.vocab"
        case .idOutOfRange(let field, let id, let limit): "\(field): id \(id) is not in 0..<\(limit)"
        case .invalidEncoding: "the file is not valid UTF-8"
        case .invalidValue(let field, let value, let expected): "\(field) is \(value), expected \(expected)"
        case .json(let error): "not valid JSON: \(error)"
        case .malformed(let expected, let offset): "not valid JSON: expected \(expected) at byte \(offset)"
        case .missing(let field): "\(field) is missing"
        case .pattern(let field, let pattern, let error): "\(field): pattern \(pattern): \(error)"
        case .unknownToken(let field, let token): "\(field) names \"\(token)\", which is not in the vocabulary"
        case .unsupported(let field, let kind): "\(field) \"\(kind)\" is not supported"
        case .wrongType(let field, let expected, let actual): "\(field) is \(actual), expected \(expected)"
        }
    }
}
