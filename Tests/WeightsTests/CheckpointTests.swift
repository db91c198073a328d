import Core
import Foundation
import TestSupport
import Testing
import Weights

@Suite struct CheckpointTests {
    static let one = HostTensor.floats([1, 2], shape: [2])
    static let two = HostTensor.floats([3, 4, 5], shape: [3])

    private func configuration(_ changes: [String: String] = [:]) throws -> ModelConfiguration {
        var fields = [
            "architectures": #"["LlamaForCausalLM"]"#, "vocab_size": "32", "hidden_size": "16",
            "intermediate_size": "24", "num_hidden_layers": "2", "num_attention_heads": "4",
            "num_key_value_heads": "2",
        ]
        fields.merge(changes) { $1 }
        let text = "{" + fields.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ",") + "}"
        return try ModelConfiguration(parsing: Array(text.utf8), generation: nil)
    }

    @Test func `shards are found through their index`() throws {
        let directory = try TemporaryDirectory()
        try directory.write(SafetensorsWriter.encode([("a", Self.one)]), to: "m-1.safetensors")
        try directory.write(SafetensorsWriter.encode([("b", Self.two)]), to: "m-2.safetensors")
        let index = #"{"metadata":{"total_size":20},"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}}"#
        try directory.write(index, to: "model.safetensors.index.json")
        let checkpoint = try Checkpoint(directory: directory.path)
        #expect(checkpoint.names == ["a", "b"])
        #expect(try checkpoint.tensor(named: "b").floats == [3, 4, 5])
        #expect(throws: WeightsError.missing(file: directory.path, key: "c")) { try checkpoint.tensor(named: "c") }
    }

    @Test(arguments: [
        "../m-1.safetensors", "/etc/passwd", "x/../m-1.safetensors", "", "..", "m-1.bin", ".x.safetensors",
    ])
    func `a shard outside the directory is refused`(file: String) throws {
        let directory = try TemporaryDirectory()
        try directory.write(SafetensorsWriter.encode([("a", Self.one)]), to: "m-1.safetensors")
        try directory.write(#"{"weight_map":{"a":"\#(file)"}}"#, to: "model.safetensors.index.json")
        let error = #expect(throws: WeightsError.self) { try Checkpoint(directory: directory.path) }
        #expect(try #require(error).description.contains("weight_map.a"))
    }

    @Test func `a missing shard and a missing tensor are named`() throws {
        let directory = try TemporaryDirectory()
        try directory.write(#"{"weight_map":{"a":"m-9.safetensors"}}"#, to: "model.safetensors.index.json")
        let absent = #expect(throws: WeightsError.self) { try Checkpoint(directory: directory.path) }
        #expect(try #require(absent).description.contains("m-9.safetensors"))
        try directory.write(SafetensorsWriter.encode([("b", Self.one)]), to: "m-9.safetensors")
        let refusal = WeightsError.missing(file: directory.path + "/m-9.safetensors", key: "a")
        #expect(throws: refusal) { try Checkpoint(directory: directory.path) }
        #expect(throws: WeightsError.self) { try Checkpoint(directory: directory.path + "/none") }
    }

    @Test func `dummy weights fit their configuration and repeat`() throws {
        let configuration = try configuration()
        for type in ScalarType.allCases {
            let first = Checkpoint.dummy(configuration: configuration, seed: 5, type: type)
            let second = Checkpoint.dummy(configuration: configuration, seed: 5, type: type)
            let third = Checkpoint.dummy(configuration: configuration, seed: 6, type: type)
            try first.validate(against: configuration)
            let name = "model.layers.1.mlp.up_proj.weight"
            #expect(try first.tensor(named: name).type == type)
            #expect(try Array(first.tensor(named: name).bytes) == Array(second.tensor(named: name).bytes))
            #expect(try Array(first.tensor(named: name).bytes) != Array(third.tensor(named: name).bytes))
        }
    }

    @Test func `dummy weights have the stated spread and unit norms`() throws {
        let checkpoint = Checkpoint.dummy(configuration: try configuration(), seed: 1, type: .float32)
        let values = try checkpoint.tensor(named: "model.embed_tokens.weight").floats
        let mean = values.reduce(0, +) / Float(values.count)
        let variance = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Float(values.count)
        #expect(abs(mean) < 0.005)
        #expect(abs(variance.squareRoot() - 0.02) < 0.003)
        #expect(try checkpoint.tensor(named: "model.norm.weight").floats.allSatisfy { $0 == 1 })
    }

    @Test func `a checkpoint that does not fit its configuration is refused with both shapes`() throws {
        let small = try configuration()
        let checkpoint = Checkpoint.dummy(configuration: small, seed: 1, type: .float32)
        let wide = try configuration(["intermediate_size": "32"])
        let mismatch = WeightsError.shapeMismatch(
            file: "dummy weights",
            key: "model.layers.0.mlp.gate_proj.weight",
            found: [24, 16],
            expected: [32, 16]
        )
        #expect(throws: mismatch) { try checkpoint.validate(against: wide) }
        let deep = try configuration(["num_hidden_layers": "3"])
        #expect(throws: WeightsError.self) { try checkpoint.validate(against: deep) }
        let shallow = try configuration(["num_hidden_layers": "1"])
        #expect(throws: WeightsError.self) { try checkpoint.validate(against: shallow) }
        let tied = try configuration(["tie_word_embeddings": "true"])
        try checkpoint.validate(against: tied)
    }

    @Test(
        arguments: [
            ("self_attn.q_proj.weight", []), ("self_attn.q_proj.weight", [17, 16]),
            ("self_attn.q_proj.weight", [8, 16]),
            ("self_attn.k_proj.weight", [16]), ("self_attn.o_proj.weight", [16, 15]), ("self_attn.o_proj.weight", []),
            ("mlp.down_proj.weight", [16, 12]), ("mlp.up_proj.weight", [24, 16, 1]),
        ] as [(String, [Int])]
    )
    func `a tensor that ranks cannot share is refused with both whole shapes`(name: String, found: [Int]) throws {
        let whole = try configuration()
        let shapes = Dictionary(uniqueKeysWithValues: whole.tensorShapes().map { ($0.name, $0.shape) })
        let key = "model.layers.1." + name
        let mismatch = WeightsError.shapeMismatch(
            file: "made up",
            key: key,
            found: found,
            expected: try #require(shapes[key])
        )
        for tpRank in 0..<2 {
            let shard = TensorShard(tpRank: tpRank, tpCount: 2)
            let part = try whole.part(shard)
            func checkpoint(_ shapes: [String: [Int]]) -> Checkpoint {
                let tensors = shapes.mapValues { shape in
                    HostTensor.floats(Array(repeating: 0, count: shape.reduce(1, *)), shape: shape)
                }
                return Checkpoint(tensors: tensors, directory: "made up").part(shard)
            }
            try checkpoint(shapes).validate(against: part)
            let damaged = shapes.merging([key: found]) { $1 }
            #expect(throws: mismatch) { try checkpoint(damaged).validate(against: part) }
        }
    }

    @Test func `biases and head norms are expected where the architecture has them`() throws {
        let qwen2 = try configuration(["architectures": #"["Qwen2ForCausalLM"]"#]).tensorShapes()
        #expect(qwen2.contains { $0.name == "model.layers.0.self_attn.k_proj.bias" && $0.shape == [8] })
        #expect(!qwen2.contains { $0.name == "model.layers.0.self_attn.o_proj.bias" })
        let qwen3 = try configuration(["architectures": #"["Qwen3ForCausalLM"]"#]).tensorShapes()
        #expect(qwen3.contains { $0.name == "model.layers.1.self_attn.q_norm.weight" && $0.shape == [128] })
        #expect(qwen3.contains { $0.name == "model.layers.1.self_attn.q_proj.weight" && $0.shape == [512, 16] })
    }
}
