internal import Backends
internal import Core
internal import Models
internal import Sampling

/// Whether a step that begins while the one before it runs computes with the tokens that this one chooses.
struct AheadComparison {
    private(set) var compared = 0
    /// Tokens otherwise than when the same step begins after the other has ended.
    private(set) var wrong = 0

    /// Runs a step, and while it runs another that goes on with its tokens in its rows, and that one again later.
    ///
    /// The other step stores no keys and no values, so that the steps after it find those of the first.
    ///
    /// - Returns: what the step itself chose.
    mutating func run<Runner: ModelRunner & ~Copyable>(
        _ batch: Batch,
        _ requests: [SamplingRequest],
        on runner: inout Runner
    ) throws(BackendError) -> [SampledToken?] {
        var (chosen, ahead, later): ([SampledToken?], [SampledToken?], [SampledToken?]) = ([], [], [])
        try runner.begin(batch, requests)
        try runner.begin(batch.next { .awaited($0) }, requests)
        try runner.finish(into: &chosen)
        try runner.finish(into: &ahead)
        let known = chosen
        try runner.run(batch.next { known[$0]?.token ?? TokenID(0) }, requests, into: &later)
        compared += later.count
        wrong += zip(ahead, later).count { $0 != $1 } + abs(ahead.count - later.count)
        return chosen
    }
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
