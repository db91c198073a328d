package import Adapters
package import Backends
package import Core
package import Sampling
package import Weights

/// A Llama-family model on one device.
package struct LlamaRunner<Device: Backend & ~Copyable>: ModelRunner, ~Copyable {
    package let vocabularySize: Int
    private let configuration: ModelConfiguration
    private let shard: TensorShard
    let model: Llama<Device>
    var device: Device

    /// Loads the model, or one rank's part of it, and makes room for the KV cache.
    ///
    /// - Parameters:
    ///   - checkpoint: of the whole model.
    ///   - whole: the whole model's sizes.
    ///   - shard: the part; the device then sums over the ranks.
    /// - Throws: `WeightsError` for a checkpoint that does not fit its configuration, or one that ranks do not divide.
    package init(
        _ checkpoint: Checkpoint,
        _ whole: ModelConfiguration,
        _ sizes: RunnerSizes,
        shard: TensorShard = .whole,
        on device: consuming Device
    ) throws(WeightsError) {
        let configuration = try whole.part(shard)
        let checkpoint = shard.isWhole ? checkpoint : checkpoint.part(shard)
        let model = try Llama(checkpoint, configuration, limits: sizes.limits, on: &device)
        device.makeRotaryTables(RotaryTables(configuration, positions: sizes.positions))
        device.makeKVCache(
            KVShape(
                layers: configuration.layerCount,
                blocks: sizes.blocks,
                blockSize: sizes.blockSize,
                heads: configuration.keyValueHeadCount,
                headSize: configuration.headSize
            )
        )
        device.prepare { shard.tpRank == 0 ? model.forward(on: &$0) : model.forwardLayers(on: &$0) }
        self.shard = shard
        self.model = model
        self.device = device
        self.configuration = configuration
        vocabularySize = configuration.vocabularySize
    }

    package func footprint(of adapter: LoadedAdapter) -> AdapterFootprint {
        device.footprint(of: weights(of: adapter, part: LowRankPair.outline))
    }

    package mutating func install(_ adapter: LoadedAdapter, in blocks: [BlockID]) -> AdapterSlot? {
        let weights = weights(of: adapter, part: LowRankPair.part)
        return device.install(weights, in: blocks)
    }

    private func weights(
        of adapter: LoadedAdapter,
        part: (LowRankPair) -> (TensorShard, Projection) -> LowRankPair
    ) -> AdapterWeights {
        let weights = AdapterWeights(adapter, layerCount: configuration.layerCount)
        return shard.isWhole ? weights : weights.mapProjections { part($0)(shard, $1) }
    }

    package mutating func hasLanded(_ slot: AdapterSlot) throws(BackendError) -> Bool { try device.hasLanded(slot) }

    package mutating func remove(_ slot: AdapterSlot) { device.remove(slot) }

    package var runsAhead: Bool { device.runsAhead }

    package mutating func begin(_ batch: borrowing Batch, _ requests: borrowing [SamplingRequest]) {
        let model = model
        let logits = device.forward(batch, choosing: requests) { model.forward(on: &$0) }
        device.sample(logits, requests)
    }

    package mutating func isStepDone() throws(BackendError) -> Bool { try device.hasSampled() }

    package mutating func finish(into outputs: inout [SampledToken?]) throws(BackendError) {
        try device.takeSamples(into: &outputs)
    }

    /// Tells what has gone wrong on the device so far, without waiting.
    mutating func checkHealth() throws(BackendError) { try device.checkHealth() }

    /// Issues what ranks but the first compute of a step.
    ///
    /// - Throws: what has gone wrong on the device so far.
    mutating func issueLayers(_ batch: borrowing Batch) throws(BackendError) {
        let model = model
        _ = device.forward(batch, choosing: []) { model.forwardLayers(on: &$0) }
        try checkHealth()
    }

    /// Waits for all steps that were issued so.
    mutating func finishLayers() throws(BackendError) { try device.finish() }
}

extension LlamaRunner where Device: InspectableBackend & ~Copyable {
    /// Runs one step and copies its logits out instead of choosing tokens, for tests and diagnosis.
    ///
    /// - Returns: `[wanted rows][V]`
    package mutating func logits(_ batch: borrowing Batch) throws(BackendError) -> [[Float]] {
        let model = model
        let rows = device.forward(batch, choosing: []) { model.forward(on: &$0) }
        return try device.read(rows, count: batch.logitRows.count)
    }

    /// Does something with the device itself, as a diagnosis does.
    package mutating func withDevice<Result>(_ body: (inout Device) throws -> Result) rethrows -> Result {
        try body(&device)
    }
}

extension AdapterWeights {
    /// All of an adapter's updates, where they are.
    package init(_ adapter: LoadedAdapter, layerCount: Int) {
        let count = layerCount * Projection.allCases.count
        precondition(adapter.projections.count == count, "\(adapter.projections.count) of \(count) projections")
        self.init(
            digest: adapter.digest,
            projections: adapter.projections,
            embedding: adapter.embedding,
            head: adapter.head
        )
    }

    /// The same with another update in each one's place, such as a rank's part of it.
    fileprivate func mapProjections(_ transform: (LowRankPair, Projection) -> LowRankPair) -> AdapterWeights {
        let cases = Projection.allCases
        let mapped = projections.enumerated().map { number, pair in
            pair.map { transform($0, cases[number % cases.count]) }
        }
        return AdapterWeights(digest: digest, projections: mapped, embedding: embedding, head: head)
    }
}
