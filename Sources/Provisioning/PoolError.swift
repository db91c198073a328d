/// Why a pool cannot do what it was asked to.
package enum PoolError: Error, Equatable, Sendable {
    case invalidConfiguration(field: String, bound: String, value: String)
    /// A program cannot be started.
    case cannotStart(program: String, reason: String)
    /// A command ended with another status than 0.
    case command(command: String, status: String, output: String)
    /// A command or server answered with something that cannot be understood.
    case invalidAnswer(from: String, reason: String, answer: String)
    /// A server cannot be reached.
    case unreachable(server: String, reason: String)
    /// A server refused.
    case refused(request: String, status: Int, reason: String)
    /// The pool can only give back another machine first: drain that one.
    case releaseOutOfOrder(machine: String, first: String)
}

extension PoolError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .invalidConfiguration(let field, let bound, let value): "\(field) is '\(value)', but must be \(bound)"
        case .cannotStart(let program, let reason): "cannot start \(program): \(reason)"
        case .command(let command, let status, let output): "'\(command)' ended with \(status): \(output)"
        case .invalidAnswer(let source, let reason, let answer): "\(source) answered '\(answer)': \(reason)"
        case .unreachable(let server, let reason): "cannot reach \(server): \(reason)"
        case .refused(let request, let status, let reason): "\(request) was refused with status \(status): \(reason)"
        case .releaseOutOfOrder(let machine, let first):
            "\(machine) cannot be given back before \(first), which must be drained first"
        }
    }
}
