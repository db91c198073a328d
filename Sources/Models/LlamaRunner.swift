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
        device.prepare { model.forward(on: &$0) }
        self.shard = shard
        self.model = model
        self.device = device
        self.configuration = configuration
        vocabularySize = configuration.vocabularySize
    }

    package func footprint(of adapter: LoadedAdapter) -> AdapterFootprint {
        device.footprint(
            of: AdapterWeights(adapter, layerCount: configuration.layerCount) { $0.outline(shard, of: $1) }
        )
    }

    package mutating func install(_ adapter: LoadedAdapter, in blocks: [BlockID]) -> AdapterSlot? {
        let weights = AdapterWeights(adapter, layerCount: configuration.layerCount) { $0.part(shard, of: $1) }
        return device.install(weights, in: blocks)
    }

    package mutating func hasLanded(_ slot: AdapterSlot) throws(BackendError) -> Bool { try device.hasLanded(slot) }

    package mutating func remove(_ slot: AdapterSlot) { device.remove(slot) }

    package mutating func run(
        _ batch: borrowing Batch,
        _ requests: borrowing [SamplingRequest],
        into outputs: inout [SampledToken?]
    ) throws(BackendError) {
        let model = model
        let logits = device.forward(batch) { model.forward(on: &$0) }
        try device.sample(logits, requests, into: &outputs)
    }

    /// Runs one step without choosing tokens, as ranks but the first do.
    mutating func runWithoutSampling(_ batch: borrowing Batch) throws(BackendError) {
        let model = model
        _ = device.forward(batch) { model.forward(on: &$0) }
        try device.finish()
    }
}

extension LlamaRunner where Device: InspectableBackend & ~Copyable {
    /// Runs one step and copies its logits out instead of choosing tokens, for tests and diagnosis.
    ///
    /// - Returns: `[wanted rows][V]`
    package mutating func logits(_ batch: borrowing Batch) throws(BackendError) -> [[Float]] {
        let model = model
        let rows = device.forward(batch) { model.forward(on: &$0) }
        return try device.read(rows, count: batch.logitRows.count)
    }

    /// Does something with the device itself, as a diagnosis does.
    package mutating func withDevice<Result>(_ body: (inout Device) throws -> Result) rethrows -> Result {
        try body(&device)
    }
}

extension AdapterWeights {
    /// An adapter's updates, layer by layer.
    ///
    /// - Parameter part: what is taken of a projection's update.
    package init(
        _ adapter: LoadedAdapter,
        layerCount: Int,
        part: (LowRankPair, Projection) -> LowRankPair = { pair, _ in pair }
    ) {
        var projections: [LowRankPair?] = []
        for layer in 0..<layerCount {
            for projection in Projection.allCases {
                projections.append(adapter.pair(layer: layer, projection).map { part($0, projection) })
            }
        }
        self.init(
            digest: adapter.digest,
            projections: projections,
            embedding: adapter.embedding,
            head: adapter.head
        )
    }
}
