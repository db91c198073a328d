internal import Backends
internal import Core
internal import Models
internal import Sampling

/// Whether a step that begins while the one before it runs computes with the tokens that this one chooses.
struct AheadComparison {
    private(set) var compared = 0
    /// Tokens otherwise than when the same step begins after the other has ended.
    private(set) var wrong = 0

    /// Runs a step, then again and while it runs another that goes on with its tokens, and that one again later.
    ///
    /// The other step stores no keys and no values, so that the steps after it find those of the first.
    ///
    /// - Parameter requests: those of the step; the other's differ by one more token of history.
    /// - Returns: what the step itself chose.
    mutating func run<Runner: ModelRunner & ~Copyable>(
        _ batch: Batch,
        _ requests: [SamplingRequest],
        on runner: inout Runner
    ) throws(BackendError) -> [SampledToken?] {
        var (chosen, ahead, later): ([SampledToken?], [SampledToken?], [SampledToken?]) = ([], [], [])
        try runner.run(batch, requests, into: &chosen)
        let known = chosen.map { $0?.token ?? TokenID(0) }
        try runner.begin(batch, requests)
        try withNext(requests, known: known, token: { .awaited($0) }) { requests throws(BackendError) in
            try runner.begin(batch.next { .awaited($0) }, requests)
        }
        try runner.finish(into: &chosen)
        try runner.finish(into: &ahead)
        try withNext(requests, known: known, token: { known[$0] }) { requests throws(BackendError) in
            try runner.run(batch.next { known[$0] }, requests, into: &later)
        }
        compared += later.count
        wrong += zip(ahead, later).count { $0 != $1 } + abs(ahead.count - later.count)
        return chosen
    }
}

/// Makes a step's requests one token longer, while `body` lasts.
///
/// - Parameters:
///   - known: the token of each, which every other history has had before.
///   - token: what stands for it.
private func withNext(
    _ requests: [SamplingRequest],
    known: [TokenID],
    token: (Int) -> TokenID,
    _ body: ([SamplingRequest]) throws(BackendError) -> Void
) throws(BackendError) {
    let histories = requests.enumerated().map { number, request in
        let history = request.history + (number % 2 == 0 ? [] : [known[number]]) + [token(number)]
        let room = UnsafeMutableBufferPointer<TokenID>.allocate(capacity: history.count)
        _ = room.initialize(from: history)
        return room
    }
    defer { for history in histories { history.deallocate() } }
    try body(
        zip(requests, histories).map { request, history in
            SamplingRequest(
                parameters: request.parameters,
                history: UnsafeBufferPointer(history),
                promptCount: request.promptCount,
                banned: request.banned
            )
        }
    )
}

extension Batch {
    /// The same rows, but that those whose token was wanted go on with it.
    fileprivate func next(token: (Int) -> TokenID) -> Batch {
        var batch = self
        for (number, row) in logitRows.enumerated() { batch.tokens[Int(row)] = token(number) }
        for row in batch.kvPositions.indices { batch.kvPositions[row] = -1 }
        return batch
    }
}
