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
        try others.begin(.hasLanded(slot))
        do throws(BackendError) {
            let (mine, theirs) = (try first.hasLanded(slot), try others.end())
            return mine && theirs
        } catch {
            throw others.fail(error)
        }
    }

    package mutating func remove(_ slot: AdapterSlot) {
        guard others.failure == nil else { return }
        others.give(.remove(slot))
        first.remove(slot)
        for thread in others.threads { _ = thread.takeAnswer() }
    }

    /// Other ranks do not know the tokens that the first one chooses.
    package var runsAhead: Bool { false }

    package mutating func begin(
        _ batch: borrowing Batch,
        _ requests: borrowing [SamplingRequest]
    ) throws(BackendError) {
        try others.begin(.step(copy batch))
        first.begin(batch, requests)
    }

    package mutating func finish(into outputs: inout [SampledToken?]) throws(BackendError) {
        do throws(BackendError) {
            try first.finish(into: &outputs)
            _ = try others.end()
        } catch {
            throw others.fail(error)
        }
    }
}

extension TensorParallelRunner where Device: InspectableBackend & SendableMetatype & ~Copyable {
    /// Runs one step and copies its logits out instead of choosing tokens, for tests and diagnosis.
    ///
    /// - Returns: `[wanted rows][V]`
    package mutating func logits(_ batch: borrowing Batch) throws(BackendError) -> [[Float]] {
        try others.begin(.step(copy batch))
        do throws(BackendError) {
            let rows = try first.logits(batch)
            _ = try others.end()
            return rows
        } catch {
            throw others.fail(error)
        }
    }
}
