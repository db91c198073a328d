/// Why a request's body was refused.
///
/// Every case is the caller's mistake, hence HTTP status 400.
package enum OpenAIError: Error, Equatable, CustomStringConvertible {
    /// Two fields that contradict each other.
    case conflict(field: String, reason: String)
    /// The body is not JSON at all.
    case malformedJSON(String)
    /// A field that has no default is absent or null.
    case missing(field: String)
    /// A number outside its range; `bound` is readable, as in `0 ... 2`.
    case outOfRange(field: String, bound: String, value: String)
    /// More elements than allowed.
    case tooMany(field: String, limit: Int, count: Int)
    /// A field, or a value of it, that this server does not implement and must not silently ignore.
    case unsupported(field: String, reason: String)
    /// A value of another JSON type than expected.
    case wrongType(field: String, expected: String, actual: String)

    /// The field at fault, OpenAI's `param`; nil if the body as a whole is.
    package var parameter: String? {
        switch self {
        case .malformedJSON: nil
        case .conflict(let field, _), .missing(let field), .outOfRange(let field, _, _), .tooMany(let field, _, _),
            .unsupported(let field, _), .wrongType(let field, _, _):
            field.isEmpty ? nil : field
        }
    }

    /// Short and fixed, free of values: OpenAI's `code` and a metric label.
    package var code: String {
        switch self {
        case .conflict: "conflicting_parameters"
        case .malformedJSON: "invalid_json"
        case .missing: "missing_required_parameter"
        case .outOfRange: "value_out_of_range"
        case .tooMany: "too_many_elements"
        case .unsupported: "unsupported_parameter"
        case .wrongType: "invalid_type"
        }
    }

    package var description: String {
        switch self {
        case .conflict(let field, let reason): "Invalid '\(field)': \(reason)."
        case .malformedJSON(let reason): "The request body is not valid JSON: \(reason)."
        case .missing(let field): "Missing required parameter: '\(field)'."
        case .outOfRange(let field, let bound, let value): "Invalid '\(field)': must be \(bound), got \(value)."
        case .tooMany(let field, let limit, let count):
            "Invalid '\(field)': at most \(limit) elements are allowed, got \(count)."
        case .unsupported(let field, let reason): "Unsupported '\(field)': \(reason)."
        case .wrongType(let field, let expected, let actual):
            field.isEmpty
                ? "The request body must be \(expected), got \(actual)."
                : "Invalid type for '\(field)': expected \(expected), got \(actual)."
        }
    }
}
