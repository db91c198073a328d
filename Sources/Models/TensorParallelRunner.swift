package import Adapters
package import Backends
package import Core
package import Sampling

/// A model split over several devices: one runner a rank, each on a thread of its own, the first on the caller's.
///
/// Every rank gets the same batches and adapters in the same order. The first chooses the tokens.
package struct TensorParallelRunner<Device: Backend & SendableMetatype & ~Copyable>: ModelRunner, ~Copyable {
    private var first: LlamaRunner<Device>
    private let others: OtherRanks

    /// Makes all ranks, each on its thread, at the same time: they may wait for each other.
    ///
    /// - Parameter make: makes a rank's runner, whose `shard` is the one given.
    /// - Throws: what `make` throws for any rank; the others are gone by then.
    package init(
        tpCount: Int,
        make: @escaping @Sendable (TensorShard) throws -> LlamaRunner<Device>
    ) throws {
        let others = OtherRanks(
            threads: (1..<tpCount).map { tpRank in
                RankThread.start { try make(TensorShard(tpRank: tpRank, tpCount: tpCount)) }
            }
        )
        let first = Result { try make(TensorShard(tpRank: 0, tpCount: tpCount)) }
        for thread in others.threads {
            if case .failed(let error) = thread.takeAnswer() { throw error }
        }
        self.first = try first.get()
        self.others = others
    }

    deinit {
        // A rank may still be reading the first one's memory for the last sum.
        _ = try? others.attempt { () throws(BackendError) in
            others.give(.finish)
            return try others.takeAnswers()
        }
        // Told here and awaited when `others` goes, so that all ranks take leave of each other at the same time.
        others.give(.end)
    }

    package var vocabularySize: Int { first.vocabularySize }

    package func footprint(of adapter: LoadedAdapter) -> AdapterFootprint { first.footprint(of: adapter) }

    package mutating func install(_ adapter: LoadedAdapter, in blocks: [BlockID]) -> AdapterSlot? {
        guard others.failure == nil else { return nil }
        others.give(.install(adapter, blocks))
        let slot = first.install(adapter, in: blocks)
        for thread in others.threads {
            guard case .slot(slot) = thread.takeAnswer() else {
                preconditionFailure("ranks that were told the same number adapters differently")
            }
        }
        return slot
    }

    package mutating func hasLanded(_ slot: AdapterSlot) throws(BackendError) -> Bool {
        try others.attempt { () throws(BackendError) in
            others.give(.hasLanded(slot))
            let (mine, theirs) = (try first.hasLanded(slot), try others.takeAnswers())
            return mine && theirs
        }
    }

    package mutating func remove(_ slot: AdapterSlot) {
        guard others.failure == nil else { return }
        others.give(.remove(slot))
        first.remove(slot)
        for thread in others.threads { _ = thread.takeAnswer() }
    }

    package var runsAhead: Bool { first.runsAhead }

    /// Returns when all ranks have issued the step, so that none is ever two steps ahead of another's host.
    package mutating func begin(
        _ batch: borrowing Batch,
        _ requests: borrowing [SamplingRequest]
    ) throws(BackendError) {
        try others.attempt { () throws(BackendError) in
            others.give(.step(copy batch))
            first.begin(batch, requests)
            // The others may wait for ever for one that has issued less than they.
            try first.checkHealth()
            _ = try others.takeAnswers()
        }
    }

    package mutating func isStepDone() throws(BackendError) -> Bool {
        try others.attempt { () throws(BackendError) in try first.isStepDone() }
    }

    /// The first rank's end is that of all: it cannot pass the last sum before the others have come to it, and behind
    /// that they use nothing of the step's.
    package mutating func finish(into outputs: inout [SampledToken?]) throws(BackendError) {
        try others.attempt { () throws(BackendError) in
            try awaitStep()
            try first.finish(into: &outputs)
        }
    }

    /// Returns when the oldest step has ended. Where that takes long all ranks are asked how they are: the first one's
    /// device waits for ever for one that has failed.
    ///
    /// Asks its device without rest, as the driver does when it waits for an event: tokens are wanted at once.
    private mutating func awaitStep() throws(BackendError) {
        guard !others.threads.isEmpty else { return }
        var asked = ContinuousClock.now
        while try !first.isStepDone() {
            guard ContinuousClock.now - asked > .milliseconds(100) else { continue }
            try first.checkHealth()
            others.give(.checkHealth)
            _ = try others.takeAnswers()
            asked = .now
        }
    }
}

extension TensorParallelRunner where Device: InspectableBackend & SendableMetatype & ~Copyable {
    /// Runs one step and copies its logits out instead of choosing tokens, for tests and diagnosis.
    ///
    /// - Returns: `[wanted rows][V]`
    package mutating func logits(_ batch: borrowing Batch) throws(BackendError) -> [[Float]] {
        try others.attempt { () throws(BackendError) in
            others.give(.step(copy batch))
            let rows = try first.logits(batch)
            _ = try others.takeAnswers()
            return rows
        }
    }
}
