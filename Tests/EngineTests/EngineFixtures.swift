import Adapters
import Backends
import Core
import Engine
import Foundation
import JSON
import Models
import TestSupport
import Weights

/// One of the tiny models of `Tests/Golden/models` with its adapters.
struct GoldenFixture: Sendable {
    static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Golden/models").path

    let name: String
    let configuration: ModelConfiguration
    let checkpoint: Checkpoint
    /// By folder name, sorted.
    let adapters: [AdapterLease]

    init(_ name: String) throws {
        let directory = Self.directory + "/" + name
        self.name = name
        configuration = try ModelConfiguration(
            parsing: Array(try Data(contentsOf: URL(filePath: directory + "/config.json"))),
            generation: nil
        )
        checkpoint = try Checkpoint(directory: directory)
        let loader = AdapterLoader(model: configuration, base: checkpoint)
        adapters = try FileManager.default.contentsOfDirectory(atPath: directory + "/adapters").sorted().map { folder in
            AdapterLease(name: folder, adapter: try loader.load(directory: directory + "/adapters/" + folder))
        }
    }

    /// - Parameter late: lets steps begin while others run, which are computed as late as can be, and counts them.
    func start(
        _ configuration: EngineConfiguration,
        threads: Int = 2,
        late: StepLog? = nil
    ) async throws -> EngineHandle {
        if let late {
            return try await EngineHandle.start(configuration) {
                LateRunner(try runner(configuration, threads), log: late)
            }
        }
        return try await EngineHandle.start(configuration) { try runner(configuration, threads) }
    }

    private func runner(_ sizes: EngineConfiguration, _ threads: Int) throws -> LlamaRunner<CPUBackend> {
        let limits = sizes.batchLimits
        return try LlamaRunner(
            checkpoint,
            configuration,
            RunnerSizes(
                limits: limits,
                blocks: sizes.blockCount,
                blockSize: sizes.blockSize,
                positions: sizes.maxSequenceLength
            ),
            on: CPUBackend(limits: limits, vocabularySize: configuration.vocabularySize, threads: threads)
        )
    }
}

/// What became of a request: its tokens and every terminal event.
struct Answer: Sendable, Equatable {
    var tokens: [GeneratedToken] = []
    var ends: [GenerationEvent] = []

    var ids: [TokenID] { tokens.map(\.id) }
}

extension EngineHandle {
    func answer(_ request: GenerationRequest) async throws -> Answer {
        var answer = Answer()
        for await event in try submit(request) {
            if case .token(let token) = event { answer.tokens.append(token) } else { answer.ends.append(event) }
        }
        return answer
    }
}

/// An adapter for a model of next to nothing, different for each seed, that no store keeps.
func dummyAdapter(seed: UInt64) throws -> AdapterLease {
    AdapterLease(name: "a\(seed)", adapter: try dummyContent(seed: seed))
}

func dummyContent(seed: UInt64) throws -> LoadedAdapter {
    let text = """
        {"architectures":["LlamaForCausalLM"],"hidden_size":8,"intermediate_size":16,"num_hidden_layers":1,
        "num_attention_heads":2,"num_key_value_heads":1,"vocab_size":64,"max_position_embeddings":64,
        "rms_norm_eps":1e-5,"hidden_act":"silu","tie_word_embeddings":false,"torch_dtype":"float32"}
        """
    let model = try ModelConfiguration(parsing: Array(text.utf8), generation: nil)
    return try .dummy(model: model, rank: 2, seed: seed)
}

func greedy() -> SamplingParameters {
    var parameters = SamplingParameters()
    parameters.temperature = 0
    return parameters
}
