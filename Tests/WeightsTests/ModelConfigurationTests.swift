import Core
import Testing
import Weights

@Suite struct ModelConfigurationTests {
    static let required = [
        "vocab_size": "32", "hidden_size": "16", "intermediate_size": "24", "num_hidden_layers": "4",
        "num_attention_heads": "4",
    ]

    private func parse(
        _ architecture: String = "LlamaForCausalLM",
        _ changes: [String: String?] = [:],
        generation: String? = nil
    ) throws -> ModelConfiguration {
        var fields: [String: String] = Self.required
        fields["architectures"] = "[\"\(architecture)\"]"
        for (key, value) in changes { fields[key] = value }
        let text =
            "{" + fields.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
        return try ModelConfiguration(parsing: Array(text.utf8), generation: generation.map { Array($0.utf8) })
    }

    @Test func `Llama 3_1 reads in the classic style`() throws {
        let scaling = """
            {"factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192,
            "rope_type":"llama3"}
            """
        let model = try parse(
            "LlamaForCausalLM",
            [
                "rope_theta": "500000.0", "rope_scaling": scaling, "torch_dtype": "\"bfloat16\"",
                "num_key_value_heads": "2", "max_position_embeddings": "131072", "rms_norm_eps": "1e-05",
                "eos_token_id": "[3, 4]", "bos_token_id": "1", "head_dim": "8", "hidden_act": "\"silu\"",
            ]
        )
        #expect(model.ropeTheta == 500_000)
        let expected = RopeScaling.llama3(
            factor: 8,
            lowFrequencyFactor: 1,
            highFrequencyFactor: 4,
            originalMaxPositions: 8192
        )
        #expect(model.ropeScaling == expected)
        #expect(model.scalarType == .bfloat16)
        #expect(model.headSize == 8 && model.keyValueHeadCount == 2 && model.maxPositions == 131_072)
        #expect(model.normEpsilon == 1e-5)
        #expect(model.endOfSequenceIDs == [TokenID(3), TokenID(4)])
        #expect(model.projectionShape(.query) == (32, 16) && model.projectionShape(.key) == (16, 16))
        #expect(model.projectionShape(.output) == (16, 32) && model.projectionShape(.down) == (16, 24))
    }

    @Test func `the style of transformers 5 reads the same`() throws {
        let parameters = #"{"rope_theta":500000.0,"rope_type":"linear","factor":4.0}"#
        let new = try parse("LlamaForCausalLM", ["rope_parameters": parameters, "dtype": "\"float16\""])
        let old = try parse(
            "LlamaForCausalLM",
            ["rope_theta": "5e5", "rope_scaling": #"{"type":"linear","factor":4}"#, "torch_dtype": "\"float16\""]
        )
        #expect(new == old)
        #expect(new.ropeScaling == .linear(factor: 4))
        let plain = try parse("LlamaForCausalLM", ["rope_parameters": #"{"rope_theta":7.0,"rope_type":"default"}"#])
        #expect(plain.ropeTheta == 7 && plain.ropeScaling == nil)
    }

    @Test func `yarn takes its defaults from the paper`() throws {
        let model = try parse(
            "Qwen2ForCausalLM",
            ["rope_scaling": #"{"type":"yarn","factor":4.0,"original_max_position_embeddings":32768}"#]
        )
        guard case .yarn(4, 32768, 32, 1, let attention, true)? = model.ropeScaling else {
            Issue.record("\(String(describing: model.ropeScaling))")
            return
        }
        #expect(abs(attention - 1.138629436) < 1e-6)
    }

    @Test func `absent and null fields fall back as Hugging Face does`() throws {
        let llama = try parse("LlamaForCausalLM", ["head_dim": "null", "rope_scaling": "null", "eos_token_id": "null"])
        #expect(llama.keyValueHeadCount == 4 && llama.headSize == 4 && !llama.tiesEmbeddings)
        #expect(llama.ropeTheta == 10_000 && llama.normEpsilon == 1e-6 && llama.endOfSequenceIDs.isEmpty)
        #expect(!llama.hasAttentionBias && !llama.hasOutputBias && llama.slidingWindow == nil)
        let qwen2 = try parse("Qwen2ForCausalLM")
        #expect(qwen2.hasAttentionBias && !qwen2.hasOutputBias && qwen2.slidingWindow == nil)
        let qwen3 = try parse("Qwen3ForCausalLM")
        #expect(qwen3.headSize == 128 && qwen3.hasHeadNorm)
        let biased = try parse("LlamaForCausalLM", ["attention_bias": "true"])
        #expect(biased.hasAttentionBias && biased.hasOutputBias)
        #expect(throws: WeightsError.self) { try parse("MistralForCausalLM") }
        let mistral = try parse("MistralForCausalLM", ["num_key_value_heads": "null"])
        #expect(mistral.slidingWindow == 4096 && mistral.slidingWindow(layer: 3) == 4096)
        let unlimited = try parse("MistralForCausalLM", ["num_key_value_heads": "2", "sliding_window": "null"])
        #expect(unlimited.slidingWindow == nil && unlimited.slidingWindow(layer: 0) == nil)
    }

    @Test func `Qwen slides only when told to and only in its later layers`() throws {
        let off = try parse("Qwen2ForCausalLM", ["use_sliding_window": "false", "sliding_window": "8"])
        #expect(off.slidingWindow == nil)
        let fields = ["use_sliding_window": "true", "sliding_window": "8", "max_window_layers": "3"]
        let late = try parse("Qwen2ForCausalLM", fields)
        #expect((0..<4).map { late.slidingWindow(layer: $0) } == [nil, nil, nil, 8])
        let kinds = #"["sliding_attention","full_attention","full_attention","sliding_attention"]"#
        let listed = try parse("Qwen3ForCausalLM", fields.merging(["layer_types": kinds]) { $1 })
        #expect((0..<4).map { listed.slidingWindow(layer: $0) } == [8, nil, nil, 8])
    }

    @Test func `generation_config wins over config for the ids that end a text`() throws {
        let both = try parse(
            "LlamaForCausalLM",
            ["eos_token_id": "2"],
            generation: #"{"eos_token_id":[5,6],"do_sample":true}"#
        )
        #expect(both.endOfSequenceIDs == [TokenID(5), TokenID(6)])
        let one = try parse("LlamaForCausalLM", ["eos_token_id": "2"], generation: #"{"temperature":0.6}"#)
        #expect(one.endOfSequenceIDs == [TokenID(2)])
    }

    @Test(arguments: [
        ("architectures", #"["GPT2LMHeadModel"]"#), ("architectures", "null"), ("architectures", "[]"),
        ("architectures", "7"), ("hidden_act", #""gelu""#), ("quantization_config", #"{"bits":4}"#),
        ("vocab_size", "0"), ("vocab_size", "-1"), ("vocab_size", "9223372036854775807"), ("vocab_size", "1e300"),
        ("vocab_size", "null"), ("vocab_size", #""32""#), ("vocab_size", "32.5"), ("hidden_size", "17"),
        ("hidden_size", "99999999"), ("num_hidden_layers", "100000"), ("num_attention_heads", "0"),
        ("num_key_value_heads", "3"), ("num_key_value_heads", "0"), ("num_key_value_heads", "8"), ("head_dim", "7"),
        ("intermediate_size", "true"), ("rms_norm_eps", "0"), ("rms_norm_eps", "-1"), ("rms_norm_eps", "2"),
        ("rope_theta", "-1"), ("rope_theta", "[]"), ("rope_scaling", "7"), ("mlp_bias", "true"),
        ("rope_scaling", #"{"rope_type":"longrope","factor":2.0}"#), ("rope_scaling", #"{"type":"dynamic"}"#),
        ("rope_scaling", #"{"type":"linear"}"#), ("rope_scaling", #"{"factor":2.0}"#),
        ("rope_scaling", #"{"type":"linear","factor":0.5}"#),
        ("rope_scaling", #"{"rope_type":"llama3","factor":8.0}"#), ("torch_dtype", #""int8""#), ("dtype", "3"),
        ("rope_parameters", #"{"full_attention":{"rope_theta":1.0}}"#), ("partial_rotary_factor", "0.5"),
        ("eos_token_id", "32"), ("eos_token_id", "-1"), ("eos_token_id", #"[1,"x"]"#), ("eos_token_id", "{}"),
        ("tie_word_embeddings", "1"), ("max_position_embeddings", "0"), ("layer_types", "[]"),
        ("layer_types", #"["chunked","chunked","chunked","chunked"]"#),
    ])
    func `a bad field is refused by name`(key: String, value: String) throws {
        let error = #expect(throws: WeightsError.self) { try parse("LlamaForCausalLM", [key: value]) }
        let text = try #require(error).description
        #expect(text.contains("config.json"))
        #expect(text.contains(key), "\(text)")
    }

    @Test func `text that is not an object is refused`() {
        for text in ["", "[]", "{", "null", "\u{FEFF}{}", #"{"a":1,"a":2}"#] {
            #expect(throws: WeightsError.self) { try ModelConfiguration(parsing: Array(text.utf8), generation: nil) }
        }
    }
}
