internal import Backends
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

    package init(
        maxSequences: Int = 64,
        maxBatchedTokens: Int = 512,
        maxWaiting: Int = 1024,
        maxSequenceLength: Int,
        blockSize: Int = 16,
        blockCount: Int? = nil,
        sharesPrefixes: Bool = true
    ) {
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
    fileprivate func blockCount(for model: ModelConfiguration, sizes: EngineSizes) throws(BackendError) -> Int {
        let most = sizes.maxSequences * ((sizes.maxSequenceLength + sizes.blockSize - 1) / sizes.blockSize)
        guard case .cuda(let settings) = self else { return most }
        let limits = sizes.configuration(blockCount: most).batchLimits
        let plan = try CUDAMemoryPlan(settings, shape: model.shape, limits: limits)
        let blockBytes = 2 * model.shape.cachedNumbersPerToken * sizes.blockSize
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
            return try await start(configuration) {
                try LlamaRunner(
                    checkpoint,
                    model,
                    runner,
                    on: CPUBackend(limits: limits, vocabularySize: model.vocabularySize, threads: threads)
                )
            }
        case .cuda(let settings):
            return try await start(configuration) {
                try LlamaRunner(
                    checkpoint,
                    model,
                    runner,
                    on: CUDABackend(
                        settings,
                        shape: model.shape,
                        type: model.deviceType,
                        limits: limits,
                        blockSize: configuration.blockSize
                    )
                )
            }
        }
    }
}
