package import Adapters
internal import Backends
internal import Core
package import Engine
internal import Foundation
package import Frontend
internal import Models
internal import Weights

/// Sizes of a service on one machine; nil leaves the choice to `LocalService`.
package struct LocalServiceOptions: Sendable {
    /// Names that mean the bare base; empty takes the model directory's own.
    package var servedNames: [String] = []
    package var loadFormat = LoadFormat.auto
    /// Threads of the CPU backend; nil uses all cores.
    package var threads: Int?
    package var maxSequences = 64
    package var maxBatchedTokens = 512
    package var maxWaiting = 1024
    /// Longest prompt and answer together; nil takes the model's own bound.
    package var maxSequenceLength: Int?
    package var blockSize = 16
    /// Memory of the KV cache.
    package var kvCacheBytes = 2 << 30
    package var sharesPrefixes = true
    /// Memory of adapters.
    package var adapterBytes = 4 << 30
    /// Adapters may only be loaded from below this directory; nil allows all.
    package var adapterRoot: String?

    package init() {}
}

/// Frontend, scheduler and runner of one model in one process: the whole of Punica on one machine.
package struct LocalService: Sendable {
    package let model: ModelDirectory
    package let engine: EngineHandle
    package let adapters: AdapterStore
    package let frontend: Frontend

    /// Reads the model and starts its engine; adapters come later.
    package static func start(model path: String, options: LocalServiceOptions) async throws -> LocalService {
        let model = try ModelDirectory(path: path, loadFormat: options.loadFormat)
        let sizes = try engineConfiguration(model.configuration, options)
        let served = model.servedModel(names: options.servedNames, contextLength: sizes.maxSequenceLength)
        let adapters = try AdapterStore(
            model: model.configuration,
            base: model.checkpoint,
            budgetBytes: options.adapterBytes,
            root: options.adapterRoot,
            reservedNames: Set(served.names)
        )
        let engine = try await startEngine(model, sizes, threads: options.threads)
        let frontend = Frontend(model: served, source: engine, adapters: adapters)
        return LocalService(model: model, engine: engine, adapters: adapters, frontend: frontend)
    }

    private static func startEngine(
        _ model: ModelDirectory,
        _ sizes: EngineConfiguration,
        threads: Int?
    ) async throws -> EngineHandle {
        let (configuration, checkpoint) = (model.configuration, model.checkpoint)
        let threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
        return try await EngineHandle.start(sizes) {
            let limits = sizes.batchLimits
            return try LlamaRunner(
                checkpoint,
                configuration,
                limits: limits,
                blocks: sizes.blockCount,
                blockSize: sizes.blockSize,
                positions: sizes.maxSequenceLength,
                on: CPUBackend(limits: limits, vocabularySize: configuration.vocabularySize, threads: threads)
            )
        }
    }

    /// As many blocks as the memory holds, but no more than all sequences at their longest can fill.
    private static func engineConfiguration(
        _ model: ModelConfiguration,
        _ options: LocalServiceOptions
    ) throws(ServingError) -> EngineConfiguration {
        let length = options.maxSequenceLength ?? model.maxPositions
        guard (2...model.maxPositions).contains(length) else {
            let bound = "2 ... \(model.maxPositions), the model's own bound"
            throw .outOfBounds(option: "--max-model-len", value: "\(length)", bound: bound)
        }
        let numbers = 2 * model.layerCount * model.keyValueHeadCount * model.headSize * options.blockSize
        let blockBytes = numbers * MemoryLayout<Float>.size
        let useful = options.maxSequences * ((length + options.blockSize - 1) / options.blockSize)
        let blocks = min(options.kvCacheBytes / blockBytes, useful)
        guard blocks >= 2 else {
            let bound = "at least \(2 * blockBytes) bytes, two blocks of this model"
            throw .outOfBounds(option: "--kv-cache-bytes", value: "\(options.kvCacheBytes)", bound: bound)
        }
        return EngineConfiguration(
            maxSequences: options.maxSequences,
            maxBatchedTokens: options.maxBatchedTokens,
            maxWaiting: options.maxWaiting,
            maxSequenceLength: length,
            blockSize: options.blockSize,
            blockCount: blocks,
            sharesPrefixes: options.sharesPrefixes
        )
    }
}

extension EngineHandle: TokenSource {}
