/// Why a simulation cannot be run.
enum SimulationError: Error, Equatable, CustomStringConvertible {
    case unreadable(file: String)
    case malformed(file: String, line: Int, reason: String)
    case records(String)
    /// A request of the trace is larger than a whole GPU of the preset.
    case tooLarge(request: Int, tokens: Int, bound: Int)

    var description: String {
        switch self {
        case .unreadable(let file): "\(file) cannot be read"
        case .malformed(let file, let line, let reason): "\(file), line \(line): \(reason)"
        case .records(let reason): reason
        case .tooLarge(let request, let tokens, let bound):
            "request \(request) of the trace has \(tokens) tokens, but a GPU of this preset holds at most \(bound)"
        }
    }
}
