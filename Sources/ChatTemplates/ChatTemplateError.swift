/// Why a template could not be read, or could not be rendered for the given messages.
///
/// Lines count from 1.
package enum ChatTemplateError: Error, Equatable, CustomStringConvertible {
    /// Macros, expressions or values nested deeper than `limit` levels.
    case depthExceeded(limit: Int, line: Int)
    /// An operation the values do not allow: what Python reports as TypeError, ValueError and the like.
    case evaluation(message: String, line: Int)
    /// An attribute the sandbox keeps from templates, such as one that changes a list.
    case forbidden(message: String, line: Int)
    /// The rendered text, or a value on the way to it, is larger than `limit` bytes.
    case outputTooLarge(limit: Int, line: Int)
    /// The template itself refused the input with `raise_exception`; the message is meant for the caller.
    case raised(message: String)
    /// The work budget of one rendering is used up.
    case stepsExhausted(limit: Int, line: Int)
    /// The source is not a template.
    case syntax(message: String, line: Int)
    /// An undefined value was used where only a defined one will do.
    case undefined(message: String, line: Int)
    /// Part of the template language this renderer does not have.
    case unsupported(feature: String, line: Int)

    package var description: String {
        switch self {
        case .depthExceeded(let limit, let line):
            "chat template, line \(line): nested deeper than \(limit) levels"
        case .evaluation(let message, let line): "chat template, line \(line): \(message)"
        case .forbidden(let message, let line): "chat template, line \(line): \(message)"
        case .outputTooLarge(let limit, let line):
            "chat template, line \(line): the text or a value grows beyond \(limit) bytes"
        case .raised(let message): message
        case .stepsExhausted(let limit, let line):
            "chat template, line \(line): rendering takes more than \(limit) steps"
        case .syntax(let message, let line): "chat template, line \(line): \(message)"
        case .undefined(let message, let line): "chat template, line \(line): \(message)"
        case .unsupported(let feature, let line): "chat template, line \(line): \(feature) is not supported"
        }
    }

    /// A short fixed word for metric labels, free of values.
    package var code: String {
        switch self {
        case .depthExceeded: "depth_exceeded"
        case .evaluation: "evaluation"
        case .forbidden: "forbidden"
        case .outputTooLarge: "output_too_large"
        case .raised: "raised"
        case .stepsExhausted: "steps_exhausted"
        case .syntax: "syntax"
        case .undefined: "undefined"
        case .unsupported: "unsupported"
        }
    }
}
