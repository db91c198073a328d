internal import Engine

/// When the tokens of one answer came, as its reader saw it.
struct AnswerTimes: Sendable {
    private(set) var tokens = 0
    /// Milliseconds from the request to its first token.
    private(set) var toFirst = 0.0
    /// Milliseconds between tokens.
    private(set) var between: [Double] = []

    /// Reads an answer to its end.
    ///
    /// - Throws: what the request failed with.
    init(reading events: GenerationEvents, since start: ContinuousClock.Instant) async throws {
        var last = start
        for await event in events {
            switch event {
            case .token:
                let now = ContinuousClock.now
                let milliseconds = (now - last) / .milliseconds(1)
                if tokens == 0 { toFirst = milliseconds } else { between.append(milliseconds) }
                (tokens, last) = (tokens + 1, now)
            case .finished: break
            case .failed(let error): throw error
            }
        }
    }
}
