import Core
import Foundation
import JSON
import TestSupport
import Testing
import Weights

@testable import Adapters

@Suite struct AdapterLoaderTests {
    let base: TinyBase
    let directory: TemporaryDirectory

    init() throws {
        base = try TinyBase()
        directory = try TemporaryDirectory()
    }

    private func load(_ adapter: PEFTDirectory, base: TinyBase? = nil, reversed: Bool = false) throws -> LoadedAdapter {
        try adapter.write(to: directory.path, reversed: reversed)
        let base = base ?? self.base
        return try AdapterLoader(model: base.model, base: base.checkpoint).load(directory: directory.path)
    }

    private func refusal(_ adapter: PEFTDirectory, base: TinyBase? = nil) throws -> AdapterError {
        try #require(#expect(throws: AdapterError.self) { try load(adapter, base: base) })
    }

    private static func key(_ layer: Int, _ module: String, _ part: String) -> String {
        "base_model.model.model.layers.\(layer).\(module).\(part)"
    }

    @Test func `every tensor arrives where it belongs`() throws {
        let source = PEFTDirectory(base: base)
        let adapter = try load(source)
        for layer in 0..<2 {
            for projection in Projection.allCases {
                let pair = adapter.pair(layer: layer, projection)
                guard projection == .query || projection == .value else {
                    #expect(pair == nil)
                    continue
                }
                let module = ModelConfiguration.modulePath(projection)
                #expect(pair?.a.floats == source.tensors[Self.key(layer, module, "lora_A.weight")]?.floats)
                #expect(pair?.b.floats == source.tensors[Self.key(layer, module, "lora_B.weight")]?.floats)
                #expect(pair?.scale == 2 && pair?.rank == 2 && pair?.columnScale == nil)
                #expect(pair.map { Int(bitPattern: $0.b.bytes.baseAddress) % 64 } == 0)
            }
        }
        #expect(adapter.embedding == nil && adapter.head == nil)
        #expect(adapter.maxRank == 2)
        #expect(
            adapter.summary.applied == [
                .init(kind: "q_proj", ranks: 2...2, count: 2), .init(kind: "v_proj", ranks: 2...2, count: 2),
            ]
        )
        // Eight tensors of 64 bytes, but for the two B of v, which have 32 and take a line all the same.
        #expect(adapter.byteCount == 8 * 64)
    }

    @Test func `a loaded adapter outlives its directory`() throws {
        let adapter = try load(PEFTDirectory(base: base))
        let before = adapter.pair(layer: 1, .value)?.a.floats
        try FileManager.default.removeItem(atPath: directory.path)
        #expect(adapter.pair(layer: 1, .value)?.a.floats == before)
    }

    @Test func `embedding and head load with ranks of their own`() throws {
        for ties in [false, true] {
            let base = try TinyBase(ties: ties)
            var source = PEFTDirectory(base: base)
            source.addEmbedding(base, rank: 3)
            source.addHead(base, rank: 5)
            source.fields["target_modules"] = ["q_proj", "v_proj", "embed_tokens", "lm_head"]
            source.fields["rank_pattern"] = ["embed_tokens": 3, "lm_head": 5]
            let adapter = try load(source, base: base)
            #expect(adapter.embedding?.a.shape == [3, 12] && adapter.embedding?.b.shape == [8, 3])
            #expect(adapter.head?.a.shape == [5, 8] && adapter.head?.b.shape == [12, 5])
            #expect(adapter.maxRank == 5)
            #expect(adapter.summary.targetModules == ["embed_tokens", "q_proj", "v_proj", "lm_head"])
        }
    }

    @Test func `a copy of the base embedding is accepted and another base's is not`() throws {
        var source = PEFTDirectory(base: base)
        source.addEmbedding(base, rank: 2)
        source.fields["target_modules"] = ["q_proj", "v_proj", "embed_tokens"]
        let key = "base_model.model.model.embed_tokens.base_layer.weight"
        let original = try base.checkpoint.tensor(named: "model.embed_tokens.weight")
        source.tensors[key] = original
        _ = try load(source)
        var values = original.floats
        values[17] += 1
        source.tensors[key] = .floats(values, shape: original.shape)
        #expect(try refusal(source) == .differentBase(key: key, index: 17))
        source.tensors[key] = .floats(Array(repeating: 0, count: 8 * 13), shape: [13, 8])
        #expect(try refusal(source) == .shapeMismatch(key: key, found: [13, 8], expected: [12, 8]))
    }

    @Test(arguments: [1, 2, 3, 64, 511, 512])
    func `any rank up to the bound loads`(rank: Int) throws {
        #expect(try load(PEFTDirectory(base: base, rank: rank)).pair(layer: 0, .query)?.rank == rank)
    }

    @Test func `what does not fit is refused with its key and both shapes`() throws {
        let key = Self.key(1, "self_attn.q_proj", "lora_A.weight")
        var wrong = PEFTDirectory(base: base)
        wrong.tensors[key] = .random([2, 9], seed: 1)
        #expect(try refusal(wrong) == .shapeMismatch(key: key, found: [2, 9], expected: [2, 8]))
        wrong.tensors[key] = .random([3, 8], seed: 1)
        #expect(try refusal(wrong) == .shapeMismatch(key: key, found: [3, 8], expected: [2, 8]))
        wrong.tensors[key] = .random([16], seed: 1)
        #expect(try refusal(wrong) == .shapeMismatch(key: key, found: [16], expected: [2, 8]))
        let wide = try TinyBase(hidden: 16)
        let first = Self.key(0, "self_attn.q_proj", "lora_A.weight")
        #expect(
            try refusal(PEFTDirectory(base: wide)) == .shapeMismatch(key: first, found: [2, 16], expected: [2, 8])
        )
        var patterned = PEFTDirectory(base: base)
        patterned.fields["rank_pattern"] = ["1.self_attn.v_proj": 4]
        let second = Self.key(1, "self_attn.v_proj", "lora_A.weight")
        #expect(try refusal(patterned) == .shapeMismatch(key: second, found: [2, 8], expected: [4, 8]))
    }

    @Test(arguments: ["lora_A.weight", "lora_B.weight"])
    func `a missing half is named`(part: String) throws {
        let key = Self.key(1, "self_attn.v_proj", part)
        var source = PEFTDirectory(base: base)
        source.tensors[key] = nil
        guard case .missingTensor(key, _) = try refusal(source) else { throw Unexpected() }
    }

    @Test func `a targeted module without tensors is refused and so is a tensor without target`() throws {
        var source = PEFTDirectory(base: base)
        source.fields["target_modules"] = ["q_proj", "v_proj", "up_proj"]
        guard case .missingTensor(let missing, _) = try refusal(source) else { throw Unexpected() }
        #expect(missing == Self.key(0, "mlp.up_proj", "lora_A.weight"))
        source.fields["target_modules"] = ["q_proj"]
        guard case .unknownTensor(let unknown, _) = try refusal(source) else { throw Unexpected() }
        #expect(unknown == Self.key(0, "self_attn.v_proj", "lora_A.weight"))
    }

    @Test(arguments: [
        "base_model.model.model.layers.2.self_attn.q_proj.lora_A.weight",
        "base_model.model.model.layers.-1.self_attn.q_proj.lora_A.weight",
        "base_model.model.model.layers.00.self_attn.q_proj.lora_A.weight",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_A.default.weight",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_B.bias",
        "base_model.model.model.layers.0.self_attn.q_proj.weight",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_embedding_A",
        "base_model.model.model.embed_tokens.lora_A.weight", "base_model.model.score.modules_to_save.weight",
        "base_model.model.model.layers.0.mlp.experts.0.w1.lora_A.weight", "base_model.model.model.norm.weight",
        "model.layers.0.self_attn.q_proj.lora_A.weight", "", "lora_A.weight", "base_model.model.", "x",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector",
    ])
    func `a tensor without a place is refused by name`(key: String) throws {
        var source = PEFTDirectory(base: base)
        source.tensors[key] = .random([2, 8], seed: 9)
        guard case .unknownTensor(key, let reason) = try refusal(source) else { throw Unexpected() }
        #expect(!reason.isEmpty)
    }

    @Test func `an adapter that would do nothing is refused`() throws {
        var source = PEFTDirectory()
        source.fields["target_modules"] = ["c_attn", "w1"]
        #expect(try refusal(source) == .nothingTargeted(targets: #"["c_attn", "w1"]"#))
    }

    @Test func `patterns that cost too much for all modules together are refused`() throws {
        var source = PEFTDirectory(base: base)
        source.fields["rank_pattern"] = [".*.*z": 4]
        source.fields["alpha_pattern"] = [".*.*z": 4]
        let text = JSONValue.object(JSONObject(source.fields.map { ($0.key, $0.value) })).encodedBytes()
        let configuration = try AdapterConfiguration(parsing: text, file: "adapter_config.json")
        var budget = ModulePattern.Budget(steps: 100_000)
        _ = try configuration.update(of: .projection(layer: 0, .query), &budget)
        let oneModule = 100_000 - budget.steps
        let tensors = source.tensors
        let content = AdapterContent(names: tensors.keys.sorted(), file: "adapter") { tensors[$0] }
        func adapter(maxSteps: Int) throws(AdapterError) -> LoadedAdapter {
            try AdapterAssembly(
                content: content,
                configuration: configuration,
                model: base.model,
                base: base.checkpoint,
                maxSteps: maxSteps
            ).adapter()
        }
        // Four modules are changed.
        #expect(try adapter(maxSteps: 5 * oneModule).maxRank == 2)
        let error = #expect(throws: AdapterError.self) { try adapter(maxSteps: 3 * oneModule) }
        guard case .file(.malformed(_, "adapter_config.json", let reason)) = try #require(error) else {
            throw Unexpected()
        }
        #expect(reason.contains("together"))
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func `a value that is not finite is refused`(value: Float) throws {
        let key = Self.key(0, "self_attn.q_proj", "lora_B.weight")
        var source = PEFTDirectory(base: base)
        var values = source.tensors[key]?.floats ?? []
        values[5] = value
        source.tensors[key] = .floats(values, shape: [8, 2])
        #expect(try refusal(source) == .notFinite(key: key, index: 5))
    }

    @Test func `halves of different types become float32`() throws {
        var source = PEFTDirectory(base: base)
        let memory = HostMemory(byteCount: 32)
        for index in 0..<16 {
            memory.bytes.storeBytes(of: Float16(index) / 8, toByteOffset: 2 * index, as: Float16.self)
        }
        source.tensors[Self.key(0, "self_attn.q_proj", "lora_A.weight")] = memory.tensor(type: .float16, shape: [2, 8])
        let adapter = try load(source)
        #expect(adapter.pair(layer: 0, .query)?.a.type == .float32)
        #expect(adapter.pair(layer: 0, .query)?.a.floats == (0..<16).map { Float($0) / 8 })
    }

    @Test func `an adapter described without the base's weights has the identity that it has with them`() throws {
        let adapter = try load(PEFTDirectory(base: base))
        let described = try AdapterLoader(model: base.model, base: nil).load(directory: directory.path)
        #expect(described.digest == adapter.digest)
        #expect(described.summary == adapter.summary)
        // All but what alignment adds.
        #expect((adapter.byteCount - 8 * 63...adapter.byteCount).contains(described.byteCount))
        #expect(described.pair(layer: 0, .query) == nil)
    }

    @Test func `missing and foreign files are refused`() throws {
        let loader = AdapterLoader(model: base.model, base: base.checkpoint)
        #expect(throws: AdapterError.self) { try loader.load(directory: directory.path + "/absent") }
        try PEFTDirectory(base: base).write(to: directory.path)
        try FileManager.default.moveItem(
            atPath: directory.path + "/adapter_model.safetensors",
            toPath: directory.path + "/adapter_model.bin"
        )
        let error = #expect(throws: AdapterError.self) { try loader.load(directory: directory.path) }
        #expect(try #require(error).description.contains("adapter_model.bin"))
        let small = AdapterLoader(model: base.model, base: base.checkpoint, maxFileBytes: 100)
        try PEFTDirectory(base: base).write(to: directory.path)
        #expect(throws: AdapterError.self) { try small.load(directory: directory.path) }
    }

    @Test func `random damage to the tensor file never crashes and never changes what is accepted`() throws {
        let source = PEFTDirectory(base: base)
        let digest = try load(source).digest
        let path = directory.path + "/adapter_model.safetensors"
        let valid = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        let loader = AdapterLoader(model: base.model, base: base.checkpoint)
        var generator = SplitMix(seed: 3)
        var refused = 0
        for _ in 0..<500 {
            var bytes = valid
            let index = Int.random(in: 0..<bytes.count, using: &generator)
            bytes[index] ^= UInt8.random(in: 1...255, using: &generator)
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            do { #expect(try loader.load(directory: directory.path).digest != digest) } catch { refused += 1 }
        }
        #expect(refused > 100)
    }

    @Test func `the digest depends on content and meaning only`() throws {
        let source = PEFTDirectory(base: base)
        let digest = try load(source).digest
        #expect(try load(source, reversed: true).digest == digest)
        var same = source
        same.fields["peft_version"] = "0.9"
        same.fields["lora_dropout"] = 0.5
        same.fields["target_modules"] = ["v_proj", "q_proj"]
        same.fields["lora_alpha"] = 4.0
        #expect(try load(same).digest == digest)
        var scaled = source
        scaled.fields["lora_alpha"] = 5
        #expect(try load(scaled).digest != digest)
        scaled.fields["lora_alpha"] = 4
        scaled.fields["alpha_pattern"] = ["q_proj": 8]
        #expect(try load(scaled).digest != digest)
        #expect(try load(PEFTDirectory(base: base, seed: 2)).digest != digest)
    }

    @Test func `dummy adapters differ by seed and fit the model`() throws {
        let one = try LoadedAdapter.dummy(model: base.model, rank: 4, seed: 1)
        let two = try LoadedAdapter.dummy(model: base.model, rank: 4, seed: 2, projections: [.query, .down])
        #expect(one.digest != two.digest)
        #expect(one.pair(layer: 1, .gate)?.b.shape == [12, 4] && one.pair(layer: 1, .gate)?.a.type == .bfloat16)
        #expect(two.pair(layer: 1, .gate) == nil && two.pair(layer: 1, .down)?.a.shape == [4, 12])
        #expect(throws: AdapterError.self) { try LoadedAdapter.dummy(model: base.model, rank: 513, seed: 1) }
    }
}

/// Thrown where an error of another kind was expected.
struct Unexpected: Error {}
