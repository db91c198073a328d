import Adapters
import ArgumentParser
import Backends
import Engine
import Foundation
import Logging
import Models
import Roles
import Serving
import Weights

/// Options that say which model is served and how large the service is.
struct ModelOptions: ParsableArguments {
    @Option(help: "A Hugging Face model directory. Default: the bundled demo.")
    var model: String?
    @Option(help: "A directory of PEFT adapter directories, each served under its own name.")
    var adapters: String?
    @Option(help: "auto reads the weights; dummy makes them up, for measuring.")
    var loadFormat = LoadFormat.auto
    @Option(help: "A name of the base model in requests; repeatable. Default: the directory's name.")
    var servedModelName: [String] = []
    @Option(help: "cpu or cuda.")
    var backend = BackendKind.cpu
    @Option(help: "Which GPU, counted from 0.")
    var gpu = 0
    @Option(help: "Devices that the model is split over: neighbouring GPUs from --gpu on, or threads of the CPU.")
    var tensorParallel = 1
    @Option(help: "The share of the GPU's memory for model, keys, values and adapters together; 0.1 ... 0.98.")
    var gpuMemoryUtilization = 0.9
    @Option(help: "Host memory for adapters on their way to the GPU.")
    var pinnedBytes = ByteSize(8 << 30)
    @Option(help: "Threads of the CPU backend. Default: all cores.")
    var threads: Int?
    @Option(help: "Most sequences running at once.")
    var maxSequences = 64
    @Option(help: "Most tokens of one step, prompts and answers together.")
    var maxBatchedTokens = 512
    @Option(help: "Most requests waiting; more are refused with status 429.")
    var maxWaiting = 1024
    @Option(help: "Longest prompt and answer together, in tokens. Default: the model's own bound.")
    var maxModelLen: Int?
    @Option(help: "Memory of the KV cache, as in 512MiB or 2GiB.")
    var kvCacheBytes = ByteSize(2 << 30)
    @Option(help: "Memory of adapters; the least valuable leave it first.")
    var adapterBytes = ByteSize(4 << 30)
    @Option(help: "Accept adapters only from below this directory.")
    var adapterRoot: String?
    @Flag(help: "Compute every prompt anew, even where it begins like an earlier one of the same adapter.")
    var noPrefixCache = false

    func validate() throws {
        let bounds: [(String, Int, ClosedRange<Int>)] = [
            ("threads", threads ?? 1, 1...1024), ("max-sequences", maxSequences, 1...4096),
            ("max-batched-tokens", maxBatchedTokens, 1...65536), ("max-waiting", maxWaiting, 0...1_000_000),
            ("tensor-parallel", tensorParallel, 1...64),
        ]
        for (name, value, bound) in bounds where !bound.contains(value) {
            throw ValidationError("--\(name) is \(value), but must be \(bound.lowerBound) ... \(bound.upperBound)")
        }
        guard (0.1...0.98).contains(gpuMemoryUtilization) else {
            throw ValidationError("--gpu-memory-utilization is \(gpuMemoryUtilization), but must be 0.1 ... 0.98")
        }
    }

    private var device: DeviceChoice {
        switch backend {
        case .cpu: .cpu(threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
        case .cuda:
            .cuda(
                CUDASettings(
                    ordinal: gpu,
                    memoryUtilization: gpuMemoryUtilization,
                    pinnedBytes: pinnedBytes.count
                )
            )
        }
    }

    /// What the model runs on, for people.
    var deviceName: String {
        switch backend {
        case .cpu: "CPU"
        case .cuda: "GPU \(gpu)"
        }
    }

    /// Starts the service with its adapters, telling of each that was refused.
    func start() async throws -> LocalService {
        let demo = model == nil ? try DemoDirectory() : nil
        var options = LocalServiceOptions()
        options.servedNames = servedModelName.isEmpty && demo != nil ? ["punica-demo"] : servedModelName
        options.loadFormat = loadFormat
        options.device = device
        options.tpCount = tensorParallel
        options.maxSequences = maxSequences
        options.maxBatchedTokens = maxBatchedTokens
        options.maxWaiting = maxWaiting
        options.maxSequenceLength = maxModelLen
        options.kvCacheBytes = kvCacheBytes.count
        options.adapterBytes = adapterBytes.count
        options.adapterRoot = adapterRoot
        options.sharesPrefixes = !noPrefixCache
        let service = try await LocalService.start(model: model ?? demo?.model ?? "", options: options)
        let (length, wanted) = (
            service.engine.maxSequenceLength, maxModelLen ?? service.model.configuration.maxPositions
        )
        if length < wanted {
            printError(
                "the KV cache holds \(length) tokens, so the context is that and not \(wanted); see --kv-cache-bytes"
            )
        }
        try await registerAdapters(demo, in: service.adapters)
        return service
    }

    /// Makes a frontend of a cluster, naming the same adapters; what concerns weights and devices has no meaning there.
    func frontend(
        of scheduler: NetworkAddress,
        security: ClusterSecurity,
        publish: (any AdapterPublisher)?,
        logger: Logger
    ) async throws -> ClusterFrontend {
        let demo = model == nil ? try DemoDirectory() : nil
        var options = ClusterFrontend.Options(scheduler: scheduler, security: security)
        options.servedNames = servedModelName.isEmpty && demo != nil ? ["punica-demo"] : servedModelName
        options.maxSequenceLength = maxModelLen
        options.maxWaiting = maxWaiting
        options.adapterRoot = adapterRoot
        let cluster = try ClusterFrontend(
            model: model ?? demo?.model ?? "",
            options: options,
            publish: publish,
            logger: logger
        )
        try await registerAdapters(demo, in: cluster.adapters)
        return cluster
    }

    private func registerAdapters(_ demo: DemoDirectory?, in store: AdapterStore) async throws {
        guard let directory = adapters ?? demo?.adapters else { return }
        let outcomes = try await store.registerAll(in: directory)
        for (name, outcome) in outcomes {
            if case .failure(let error) = outcome { printError("adapter '\(name)' is not served: \(error)") }
        }
        guard outcomes.isEmpty else { return }
        let isAdapter = FileManager.default.fileExists(atPath: directory + "/adapter_config.json")
        printError(
            isAdapter
                ? "\(directory) is one adapter, and none is served: name the folder that it lies in"
                : "no folder in \(directory) has an adapter_config.json: no adapter is served"
        )
    }
}

extension LoadFormat: ExpressibleByArgument {}

/// What a model runs on, as the command line says it.
enum BackendKind: String, ExpressibleByArgument, CaseIterable { case cpu, cuda }

/// A number of bytes, written with or without a unit.
struct ByteSize: ExpressibleByArgument, CustomStringConvertible {
    let count: Int

    init(_ count: Int) { self.count = count }

    /// Reads `1048576`, `512MiB`, `2GiB`, `1.5GB`.
    init?(argument: String) {
        let units: [(String, Double)] = [
            ("KiB", 1024), ("MiB", 1_048_576), ("GiB", 1_073_741_824), ("TiB", 1_099_511_627_776),
            ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12),
        ]
        let unit = units.first { argument.lowercased().hasSuffix($0.0.lowercased()) }
        let digits = argument.dropLast(unit?.0.count ?? 0)
        guard let number = Double(digits), number >= 0, number * (unit?.1 ?? 1) < 9e18 else { return nil }
        count = Int(number * (unit?.1 ?? 1))
    }

    var description: String {
        count % (1 << 30) == 0 ? "\(count >> 30)GiB" : count % (1 << 20) == 0 ? "\(count >> 20)MiB" : "\(count)"
    }
}
