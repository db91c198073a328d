import Hummingbird
import Logging

/// Notes every error that a client is told of, in an answer of its own or at the end of a stream.
struct FailureLog: Sendable {
    let counts: ErrorCounts

    /// Counts an error; the server's own faults are also logged.
    func note(_ error: ServerError, _ context: ConnectionContext) {
        let answer = error.answer
        counts.add(answer.code)
        guard answer.status == 500 else { return }
        context.logger.error("request failed", metadata: ["request": "\(context.requestID)", "error": "\(error)"])
    }
}
