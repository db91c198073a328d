package import Adapters
package import Backends
package import Core
package import Sampling
package import Weights

/// A Llama-family model on one device.
package struct LlamaRunner<Device: Backend & ~Copyable>: ModelRunner, ~Copyable {
    package let vocabularySize: Int
    private let configuration: ModelConfiguration
    private let model: Llama<Device>
    private var device: Device

    /// Loads the model and makes room for the KV cache.
    ///
    /// - Parameter positions: the longest sequence.
    /// - Throws: `WeightsError` for a checkpoint that does not fit its configuration.
    package init(
        _ checkpoint: Checkpoint,
        _ configuration: ModelConfiguration,
        limits: BatchLimits,
        blocks: Int,
        blockSize: Int,
        positions: Int,
        on device: consuming Device
    ) throws(WeightsError) {
        let model = try Llama(checkpoint, configuration, limits: limits, on: &device)
        device.makeRotaryTables(RotaryTables(configuration, positions: positions))
        device.makeKVCache(
            KVShape(
                layers: configuration.layerCount,
                blocks: blocks,
                blockSize: blockSize,
                heads: configuration.keyValueHeadCount,
                headSize: configuration.headSize
            )
        )
        self.model = model
        self.device = device
        self.configuration = configuration
        vocabularySize = configuration.vocabularySize
    }

    package func footprint(of adapter: LoadedAdapter) -> AdapterFootprint {
        device.footprint(of: AdapterWeights(adapter, layerCount: configuration.layerCount))
    }

    package mutating func install(_ adapter: LoadedAdapter, in blocks: [BlockID]) -> AdapterSlot? {
        device.install(AdapterWeights(adapter, layerCount: configuration.layerCount), in: blocks)
    }

    package mutating func hasLanded(_ slot: AdapterSlot) -> Bool { device.hasLanded(slot) }

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

    /// Runs one step and copies its logits out instead of choosing tokens, for tests and measurements.
    ///
    /// - Returns: `[wanted rows][V]`
    package mutating func logits(_ batch: borrowing Batch) -> [[Float]] where Device.Rows == CPURows {
        let model = model
        let rows = device.forward(batch) { model.forward(on: &$0) }
        return (0..<batch.logitRows.count).map { rows.copy(row: $0) }
    }
}

extension AdapterWeights {
    /// An adapter's updates, layer by layer.
    package init(_ adapter: LoadedAdapter, layerCount: Int) {
        var projections: [LowRankPair?] = []
        for layer in 0..<layerCount {
            for projection in Projection.allCases { projections.append(adapter.pair(layer: layer, projection)) }
        }
        self.init(
            digest: adapter.digest,
            projections: projections,
            embedding: adapter.embedding,
            head: adapter.head
        )
    }
}
