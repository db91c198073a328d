package import Adapters
package import Backends
package import Core
package import Sampling

/// A model split over several devices: one runner a rank, each on a thread of its own, the first on the caller's.
///
/// Every rank gets the same batches and adapters in the same order. The first chooses the tokens.
package struct TensorParallelRunner<Device: Backend & SendableMetatype & ~Copyable>: ModelRunner, ~Copyable {
    private var first: LlamaRunner<Device>
    private let others: [RankThread]

    /// Makes all ranks, each on its thread, at the same time: they may wait for each other.
    ///
    /// - Parameter make: makes a rank's runner, whose `shard` is the one given.
    /// - Throws: what `make` throws for any rank.
    package init(
        tpCount: Int,
        make: @escaping @Sendable (TensorShard) throws -> LlamaRunner<Device>
    ) throws {
        let others = (1..<tpCount).map { tpRank in
            RankThread.start { try make(TensorShard(tpRank: tpRank, tpCount: tpCount)) }
        }
        let first = Result { try make(TensorShard(tpRank: 0, tpCount: tpCount)) }
        for other in others {
            if case .failed(let error) = other.takeAnswer() {
                for other in others { other.give(.end) }
                throw error
            }
        }
        self.first = try first.get()
        self.others = others
    }

    deinit {
        for other in others { other.give(.end) }
    }

    package var vocabularySize: Int { first.vocabularySize }

    package func footprint(of adapter: LoadedAdapter) -> AdapterFootprint { first.footprint(of: adapter) }

    package mutating func install(_ adapter: LoadedAdapter, in blocks: [BlockID]) -> AdapterSlot? {
        for other in others { other.give(.install(adapter, blocks)) }
        let slot = first.install(adapter, in: blocks)
        for other in others {
            guard case .slot(slot) = other.takeAnswer() else {
                preconditionFailure("ranks that were told the same number adapters differently")
            }
        }
        return slot
    }

    package mutating func hasLanded(_ slot: AdapterSlot) -> Bool {
        for other in others { other.give(.hasLanded(slot)) }
        var landed = first.hasLanded(slot)
        for other in others {
            if case .landed(false) = other.takeAnswer() { landed = false }
        }
        return landed
    }

    package mutating func remove(_ slot: AdapterSlot) {
        for other in others { other.give(.remove(slot)) }
        first.remove(slot)
        for other in others { _ = other.takeAnswer() }
    }

    package mutating func run(
        _ batch: borrowing Batch,
        _ requests: borrowing [SamplingRequest],
        into outputs: inout [SampledToken?]
    ) throws(BackendError) {
        for other in others { other.give(.step(copy batch)) }
        try first.run(batch, requests, into: &outputs)
        try awaitOthers()
    }

    private func awaitOthers() throws(BackendError) {
        var failure: BackendError?
        for other in others {
            if case .failed(let error) = other.takeAnswer() { failure = BackendError("another rank failed: \(error)") }
        }
        if let failure { throw failure }
    }
}

extension TensorParallelRunner where Device: InspectableBackend & SendableMetatype & ~Copyable {
    /// Runs one step and copies its logits out instead of choosing tokens, for tests and diagnosis.
    ///
    /// - Returns: `[wanted rows][V]`
    package mutating func logits(_ batch: borrowing Batch) throws(BackendError) -> [[Float]] {
        for other in others { other.give(.step(copy batch)) }
        let rows = try first.logits(batch)
        try awaitOthers()
        return rows
    }
}
