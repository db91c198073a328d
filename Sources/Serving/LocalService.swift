package import Adapters
internal import Backends
internal import Core
package import Engine
internal import Foundation
package import Frontend
package import Models
internal import Weights

/// Sizes of a service on one machine; nil leaves the choice to `LocalService`.
package struct LocalServiceOptions: Sendable {
    /// Names that mean the bare base; empty takes the model directory's own.
    package var servedNames: [String] = []
    package var loadFormat = LoadFormat.auto
    /// What the model runs on; nil uses all cores of the CPU.
    package var device: DeviceChoice?
    /// Devices that the model is split over; divides its key/value heads and its feed-forward.
    package var tpCount = 1
    package var maxSequences = 64
    package var maxBatchedTokens = 512
    package var maxWaiting = 1024
    /// Longest prompt and answer together; nil takes the model's own bound.
    package var maxSequenceLength: Int?
    package var blockSize = 16
    /// Memory of the KV cache on the CPU; a GPU uses what it has.
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
        let device = options.device ?? .cpu(threads: ProcessInfo.processInfo.activeProcessorCount)
        let engine = try await EngineHandle.start(
            try engineSizes(model.configuration, options, device),
            model: model.configuration,
            checkpoint: model.checkpoint,
            on: device
        )
        let served = model.servedModel(names: options.servedNames, contextLength: engine.maxSequenceLength)
        let adapters = try AdapterStore(
            model: model.configuration,
            base: model.checkpoint,
            budgetBytes: options.adapterBytes,
            root: options.adapterRoot,
            reservedNames: Set(served.names)
        )
        let frontend = Frontend(model: served, source: engine, adapters: adapters)
        return LocalService(model: model, engine: engine, adapters: adapters, frontend: frontend)
    }

    private static func engineSizes(
        _ model: ModelConfiguration,
        _ options: LocalServiceOptions,
        _ device: DeviceChoice
    ) throws(ServingError) -> EngineSizes {
        let length = options.maxSequenceLength ?? model.maxPositions
        guard (2...model.maxPositions).contains(length) else {
            let bound = "2 ... \(model.maxPositions), the model's own bound"
            throw .outOfBounds(option: "--max-model-len", value: "\(length)", bound: bound)
        }
        var sizes = EngineSizes(
            maxSequences: options.maxSequences,
            maxBatchedTokens: options.maxBatchedTokens,
            maxWaiting: options.maxWaiting,
            maxSequenceLength: length,
            blockSize: options.blockSize,
            sharesPrefixes: options.sharesPrefixes,
            tpCount: options.tpCount
        )
        if case .cpu = device { sizes.blockCount = try cpuBlockCount(model, options, length: length) }
        return sizes
    }

    /// As many blocks as the memory holds, but no more than all sequences at their longest can fill.
    private static func cpuBlockCount(
        _ model: ModelConfiguration,
        _ options: LocalServiceOptions,
        length: Int
    ) throws(ServingError) -> Int {
        let numbers = 2 * model.layerCount * model.keyValueHeadCount * model.headSize * options.blockSize
        let blockBytes = numbers * MemoryLayout<Float>.size
        let useful = options.maxSequences * ((length + options.blockSize - 1) / options.blockSize)
        let blocks = min(options.kvCacheBytes / blockBytes, useful)
        guard blocks >= 2 else {
            let bound = "at least \(2 * blockBytes) bytes, two blocks of this model"
            throw .outOfBounds(option: "--kv-cache-bytes", value: "\(options.kvCacheBytes)", bound: bound)
        }
        return blocks
    }
}

extension EngineHandle: TokenSource {}
