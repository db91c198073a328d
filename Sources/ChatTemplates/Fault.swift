/// A failure inside an evaluation, before the renderer adds the line it happened on.
enum Fault: Error {
    case depthExceeded(limit: Int)
    case evaluation(String)
    case forbidden(String)
    case outputTooLarge(limit: Int)
    case raised(String)
    case stepsExhausted(limit: Int)
    case undefined(String)
    case unsupported(String)

    func located(at line: Int) -> ChatTemplateError {
        switch self {
        case .depthExceeded(let limit): .depthExceeded(limit: limit, line: line)
        case .evaluation(let message): .evaluation(message: message, line: line)
        case .forbidden(let message): .forbidden(message: message, line: line)
        case .outputTooLarge(let limit): .outputTooLarge(limit: limit, line: line)
        case .raised(let message): .raised(message: message)
        case .stepsExhausted(let limit): .stepsExhausted(limit: limit, line: line)
        case .undefined(let message): .undefined(message: message, line: line)
        case .unsupported(let feature): .unsupported(feature: feature, line: line)
        }
    }

    static func unsupportedOperands(_ symbol: String, _ left: Value, _ right: Value) -> Fault {
        .evaluation("unsupported operand type(s) for \(symbol): '\(left.typeName)' and '\(right.typeName)'")
    }

    static func notIterable(_ value: Value) -> Fault {
        .evaluation("'\(value.typeName)' object is not iterable")
    }

    static let integerOverflow = Fault.evaluation("integer beyond 64 bits")
}
