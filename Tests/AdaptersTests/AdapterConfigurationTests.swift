import Core
import JSON
import TestSupport
import Testing
import Weights

@testable import Adapters

@Suite struct AdapterConfigurationTests {
    private func parse(_ changes: [String: JSONValue] = [:]) throws -> AdapterConfiguration {
        let fields = PEFTDirectory().fields.merging(changes) { $1 }
        let text = JSONValue.object(JSONObject(fields.map { ($0.key, $0.value) })).encodedBytes()
        return try AdapterConfiguration(parsing: text, file: "adapter_config.json")
    }

    private func targeted(_ changes: [String: JSONValue]) throws -> [String] {
        let configuration = try parse(changes)
        return try AdapterModule.all(of: TinyBase().model).filter { try configuration.isTargeted($0) }.map(\.path)
    }

    @Test func `targets may be names, paths, a pattern or all-linear`() throws {
        #expect(
            try targeted(["target_modules": ["q_proj", "embed_tokens", "absent"]]) == [
                "model.embed_tokens", "model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.q_proj",
            ]
        )
        #expect(
            try targeted(["target_modules": ["model.layers.1.mlp.up_proj", "lm_head"]]) == [
                "model.layers.1.mlp.up_proj", "lm_head",
            ]
        )
        #expect(
            try targeted(["target_modules": #".*\.1\.self_attn\.(k|o)_proj"#]) == [
                "model.layers.1.self_attn.k_proj", "model.layers.1.self_attn.o_proj",
            ]
        )
        #expect(try targeted(["target_modules": "all-linear"]).count == 14)
        #expect(try targeted(["target_modules": "All-Linear", "exclude_modules": ["down_proj"]]).count == 12)
        #expect(try targeted(["target_modules": "all-linear", "exclude_modules": #".*\.0\..*"#]).count == 7)
        #expect(try targeted(["target_modules": ["proj"]]).isEmpty)
    }

    @Test func `layers_to_transform narrows names but not full paths`() throws {
        #expect(
            try targeted(["layers_to_transform": 1]) == [
                "model.layers.1.self_attn.q_proj", "model.layers.1.self_attn.v_proj",
            ]
        )
        let names: JSONValue = ["q_proj", "lm_head", "model.layers.0.mlp.up_proj"]
        #expect(
            try targeted(["layers_to_transform": [1], "target_modules": names]) == [
                "model.layers.0.mlp.up_proj", "model.layers.1.self_attn.q_proj", "lm_head",
            ]
        )
        #expect(try targeted(["layers_to_transform": [0], "layers_pattern": "layers"]).count == 2)
        #expect(try targeted(["layers_to_transform": [0], "layers_pattern": ["h", "model.layers"]]).count == 2)
        #expect(try targeted(["layers_to_transform": [0], "layers_pattern": "blocks"]).isEmpty)
        #expect(try targeted(["layers_to_transform": [], "layers_pattern": ""]).count == 4)
    }

    @Test func `scales follow alpha, rank, their patterns and rsLoRA`() throws {
        let query = AdapterModule.projection(layer: 0, .query)
        #expect(try parse().scale(of: query) == 2)
        #expect(try parse(["use_rslora": true, "r": 16]).scale(of: query) == 1)
        let patterns: [String: JSONValue] = [
            "rank_pattern": ["q_proj": 8], "alpha_pattern": ["0.self_attn.q_proj": 2.0],
        ]
        #expect(try parse(patterns).rank(of: query) == 8)
        #expect(try parse(patterns).scale(of: query) == 0.25)
        #expect(try parse(patterns).scale(of: .projection(layer: 1, .query)) == 0.5)
        #expect(try parse(patterns).scale(of: .projection(layer: 1, .value)) == 2)
    }

    @Test(
        arguments: [
            ("modules_to_save", ["lm_head"]), ("bias", "all"), ("bias", "lora_only"), ("bias", 3),
            ("fan_in_fan_out", true),
            ("lora_bias", true), ("trainable_token_indices", [1]), ("target_parameters", ["x"]), ("use_qalora", true),
            ("megatron_config", ["a": 1]), ("layer_replication", [[0, 1]]), ("alora_invocation_tokens", [7]),
            ("arrow_config", ["a": 1]), ("some_future_option", true), ("some_future_option", 0), ("peft_type", "LOHA"),
            ("peft_type", nil), ("task_type", "SEQ_CLS"), ("init_lora_weights", "pissa"),
            ("init_lora_weights", "pissa_niter_16"), ("init_lora_weights", "olora"), ("init_lora_weights", "corda"),
            ("init_lora_weights", "loftq"), ("init_lora_weights", "lora_ga"), ("r", 0), ("r", -1), ("r", 513),
            ("r", "8"),
            ("r", nil), ("r", 1e300), ("r", 2.5), ("lora_alpha", 0), ("lora_alpha", nil), ("lora_alpha", "16"),
            ("lora_alpha", 1e9), ("lora_alpha", -9e-31), ("alpha_pattern", ["q_proj": 1e-60]), ("target_modules", nil),
            ("target_modules", []), ("target_modules", ""),
            ("target_modules", 7), ("target_modules", ["q_proj", 7]), ("target_modules", "(q_proj"),
            ("target_modules", ["a": 1]), ("exclude_modules", 5), ("layers_to_transform", "1"),
            ("layers_to_transform", [-1]),
            ("layers_to_transform", [true]), ("rank_pattern", ["q_proj": 0]), ("rank_pattern", ["q_proj": "8"]),
            ("rank_pattern", ["q_proj": nil]), ("rank_pattern", [1]), ("rank_pattern", ["(q_proj": 4]),
            ("alpha_pattern", ["q_proj": 0]), ("use_dora", "yes"), ("use_rslora", 1), ("layers_pattern", [1]),
            ("ensure_weight_tying", true),
        ] as [(String, JSONValue)]
    )
    func `a field that would change the result is refused by name`(key: String, value: JSONValue) throws {
        let error = #expect(throws: AdapterError.self) { try parse([key: value]) }
        let text = try #require(error).description
        #expect(text.contains(key) && text.contains("adapter_config.json"), "\(text)")
    }

    @Test(arguments: ["target_modules", "exclude_modules", "layers_pattern"])
    func `a list longer than any model has modules is refused`(key: String) throws {
        let names = [JSONValue](repeating: "q_proj", count: 8_193)
        let error = #expect(throws: AdapterError.self) { try parse([key: .array(names)]) }
        #expect(try #require(error).description.contains("8193 entries"))
        _ = try parse([key: .array(Array(names.dropLast()))])
    }

    @Test func `an alpha whose scale would vanish is refused with its bound`() throws {
        let refusal = WeightsError.outOfBounds(
            file: "adapter_config.json",
            key: "lora_alpha",
            value: "1e-60",
            bound: "1e-30 or more in magnitude"
        )
        #expect(throws: AdapterError.file(refusal)) { try parse(["lora_alpha": 1e-60]) }
        let smallest = try parse(["lora_alpha": -1e-30, "r": 512])
        #expect(try smallest.scale(of: .projection(layer: 0, .query)) < 0)
    }

    @Test func `layers_to_transform with a pattern is refused as PEFT does`() {
        #expect(throws: AdapterError.self) { try parse(["target_modules": ".*q_proj", "layers_to_transform": [1]]) }
    }

    @Test func `null, empty and unusual but harmless fields are accepted`() throws {
        _ = try parse([
            "base_model_name_or_path": nil, "auto_mapping": ["a": "b"], "modules_to_save": [], "rank_pattern": nil,
            "alpha_pattern": nil, "exclude_modules": [], "layers_pattern": nil, "trainable_token_indices": nil,
            "loftq_config": [:], "eva_config": nil, "init_lora_weights": "gaussian", "task_type": nil,
            "some_future_option": false, "another": "", "bias": nil, "use_dora": nil, "use_rslora": nil,
            "lora_alpha": 7.5,
            "megatron_core": "megatron.core", "revision": nil, "lora_dropout": nil,
        ])
        #expect(try parse(["base_model_name_or_path": 5]).baseModelName == nil)
        #expect(try parse(["base_model_name_or_path": "meta/llama"]).baseModelName == "meta/llama")
    }

    @Test func `odd values in any field never crash`() {
        var generator = SplitMix(seed: 5)
        let odd: [JSONValue] = [
            nil, true, false, 0, -1, 3, 1e308, .integer(.max), .integer(.min), "", "x", "(", "all-linear", [], [nil],
            ["q_proj"], [[]], [1], [:], ["q_proj": 2], ["": nil], ["a": ["b": 1]],
        ]
        let fields = PEFTDirectory().fields
        let keys = fields.keys.sorted() + ["layers_to_transform", "layers_pattern", "exclude_modules", "unknown"]
        var accepted = 0
        for _ in 0..<5_000 {
            var changed = fields
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let key = keys.randomElement(using: &generator) ?? ""
                changed[key] = odd.randomElement(using: &generator)
            }
            let text = JSONValue.object(JSONObject(changed.map { ($0.key, $0.value) })).encodedBytes()
            guard let parsed = try? AdapterConfiguration(parsing: text, file: "fuzz") else { continue }
            _ = try? parsed.isTargeted(.projection(layer: 0, .query))
            _ = try? parsed.scale(of: .projection(layer: 0, .query))
            accepted += 1
        }
        #expect(accepted > 100 && accepted < 5_000)
    }

    @Test func `text that is not an object is refused`() {
        for text in ["", "[]", "null", "{", #"{"r":1,"r":2}"#] {
            #expect(throws: AdapterError.self) { try AdapterConfiguration(parsing: Array(text.utf8), file: "f") }
        }
    }
}
