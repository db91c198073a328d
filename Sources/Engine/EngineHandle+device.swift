internal import Backends
internal import Core
package import Models
package import Weights

/// An engine's sizes but for what the device decides: how many blocks fit.
package struct EngineSizes: Sendable, Equatable {
    package var maxSequences = 64
    package var maxBatchedTokens = 512
    package var maxWaiting = 1024
    package var maxSequenceLength: Int
    package var blockSize = 16
    /// Blocks of the KV cache, adapters included; nil takes what the device has room for.
    package var blockCount: Int?
    package var sharesPrefixes = true
    /// Devices that the model is split over; divides its key/value heads and its feed-forward.
    package var tpCount = 1

    package init(
        maxSequences: Int = 64,
        maxBatchedTokens: Int = 512,
        maxWaiting: Int = 1024,
        maxSequenceLength: Int,
        blockSize: Int = 16,
        blockCount: Int? = nil,
        sharesPrefixes: Bool = true,
        tpCount: Int = 1
    ) {
        self.tpCount = tpCount
        self.maxSequences = maxSequences
        self.maxBatchedTokens = maxBatchedTokens
        self.maxWaiting = maxWaiting
        self.maxSequenceLength = maxSequenceLength
        self.blockSize = blockSize
        self.blockCount = blockCount
        self.sharesPrefixes = sharesPrefixes
    }

    func configuration(blockCount: Int) -> EngineConfiguration {
        EngineConfiguration(
            maxSequences: maxSequences,
            maxBatchedTokens: maxBatchedTokens,
            maxWaiting: maxWaiting,
            maxSequenceLength: maxSequenceLength,
            blockSize: blockSize,
            blockCount: blockCount,
            sharesPrefixes: sharesPrefixes
        )
    }
}

extension DeviceChoice {
    /// Blocks that the device has room for: on the CPU as many as all sequences at their longest can fill, on a GPU
    /// what its memory holds beside the model, since adapters live there too.
    fileprivate func blockCount(for model: ModelConfiguration, sizes: EngineSizes) throws -> Int {
        let most = sizes.maxSequences * ((sizes.maxSequenceLength + sizes.blockSize - 1) / sizes.blockSize)
        guard case .cuda(let settings) = self else { return most }
        let limits = sizes.configuration(blockCount: most).batchLimits
        let shape = try model.part(TensorShard(tpRank: 0, tpCount: sizes.tpCount)).shape
        let plan = try CUDAMemoryPlan(settings, shape: shape, type: model.deviceType, limits: limits)
        let blockBytes = 2 * shape.cachedNumbersPerToken * sizes.blockSize
        let count = plan.blockBytes / blockBytes
        guard count >= 2 else { throw BackendError("the model leaves no room for keys and values on the GPU: \(plan)") }
        return min(count, Int(Int32.max) / sizes.blockSize)
    }
}

extension EngineHandle {
    /// Starts an engine for a model on a device.
    ///
    /// - Throws: `WeightsError` for a checkpoint that does not fit, `BackendError` for a device that cannot be used or
    ///   has no room.
    package static func start(
        _ sizes: EngineSizes,
        model: ModelConfiguration,
        checkpoint: Checkpoint,
        on device: DeviceChoice
    ) async throws -> EngineHandle {
        let blocks = try sizes.blockCount ?? device.blockCount(for: model, sizes: sizes)
        let configuration = sizes.configuration(blockCount: blocks)
        let limits = configuration.batchLimits
        let runner = RunnerSizes(
            limits: limits,
            blocks: configuration.blockCount,
            blockSize: configuration.blockSize,
            positions: configuration.maxSequenceLength
        )
        switch device {
        case .cpu(let threads):
            let ranks = sizes.tpCount == 1 ? nil : HostRanks(count: sizes.tpCount)
            return try await start(configuration, tpCount: sizes.tpCount) { shard in
                let device = CPUBackend(
                    limits: limits,
                    vocabularySize: model.vocabularySize,
                    threads: max(1, threads / shard.tpCount),
                    ranks: ranks?.member(shard.tpRank)
                )
                return try LlamaRunner(checkpoint, model, runner, shard: shard, on: device)
            }
        case .cuda(let settings):
            let ranks = sizes.tpCount == 1 ? nil : try CUDARanks(count: sizes.tpCount, firstGPU: settings.ordinal)
            return try await start(configuration, tpCount: sizes.tpCount) { shard in
                var settings = settings
                settings.ordinal += shard.tpRank
                let device = try CUDABackend(
                    settings,
                    shape: model.part(shard).shape,
                    type: model.deviceType,
                    limits: limits,
                    blockSize: configuration.blockSize,
                    ranks: ranks?.member(shard.tpRank)
                )
                return try LlamaRunner(checkpoint, model, runner, shard: shard, on: device)
            }
        }
    }

    /// Starts an engine on one device, or on as many as the model is split over.
    private static func start<Device: Backend & SendableMetatype & ~Copyable>(
        _ configuration: EngineConfiguration,
        tpCount: Int,
        makeRank: @escaping @Sendable (TensorShard) throws -> LlamaRunner<Device>
    ) async throws -> EngineHandle {
        guard tpCount > 1 else { return try await start(configuration) { try makeRank(.whole) } }
        return try await start(configuration) { try TensorParallelRunner(tpCount: tpCount, make: makeRank) }
    }
}
