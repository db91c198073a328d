internal import Backends
internal import Core
internal import Engine
internal import Models
internal import Weights

/// Models whose weights are made up, for measuring.
enum BenchModel {
    /// The shape of TinyLlama 1.1 B.
    static let tinyLlama: ModelConfiguration = {
        let text = """
            {"architectures":["LlamaForCausalLM"],"hidden_size":2048,"intermediate_size":5632,"num_hidden_layers":22,
            "num_attention_heads":32,"num_key_value_heads":4,"vocab_size":32000,"max_position_embeddings":2048,
            "rms_norm_eps":1e-5,"rope_theta":10000.0,"hidden_act":"silu","tie_word_embeddings":false,
            "torch_dtype":"bfloat16","bos_token_id":1,"eos_token_id":2}
            """
        do {
            return try ModelConfiguration(parsing: Array(text.utf8), generation: nil)
        } catch {
            preconditionFailure("the built-in configuration is valid: \(error)")
        }
    }()

    static func startCPU(
        _ shape: ModelConfiguration,
        workload: EngineWorkload,
        threads: Int
    ) async throws -> EngineHandle {
        let configuration = engineConfiguration(workload)
        let checkpoint = Checkpoint.dummy(configuration: shape, seed: 1, type: .bfloat16)
        return try await EngineHandle.start(configuration) {
            let limits = configuration.batchLimits
            return try LlamaRunner(
                checkpoint,
                shape,
                RunnerSizes(
                    limits: limits,
                    blocks: configuration.blockCount,
                    blockSize: configuration.blockSize,
                    positions: configuration.maxSequenceLength
                ),
                on: CPUBackend(limits: limits, vocabularySize: shape.vocabularySize, threads: threads)
            )
        }
    }

    static func startEcho(_ shape: ModelConfiguration, workload: EngineWorkload) async throws -> EngineHandle {
        try await EngineHandle.start(engineConfiguration(workload)) {
            EchoRunner(vocabularySize: shape.vocabularySize)
        }
    }

    /// Room for the whole workload at once; no prefix is shared, so that every run computes the same.
    private static func engineConfiguration(_ workload: EngineWorkload) -> EngineConfiguration {
        let blockSize = 16
        let blocks = workload.requests * ((workload.sequenceLength + blockSize) / blockSize + 1) * 2
        return EngineConfiguration(
            maxSequences: workload.requests,
            maxBatchedTokens: 512,
            maxSequenceLength: workload.sequenceLength,
            blockSize: blockSize,
            blockCount: blocks,
            sharesPrefixes: false
        )
    }
}
