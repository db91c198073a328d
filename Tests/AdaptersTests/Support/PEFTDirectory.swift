import Core
import Foundation
import JSON
import TestSupport
import Weights

/// Writes PEFT directories, right ones and wrong ones.
struct PEFTDirectory {
    var fields: [String: JSONValue] = [
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "lora_alpha": 4, "bias": "none",
        "base_model_name_or_path": nil, "target_modules": ["q_proj", "v_proj"], "init_lora_weights": true,
        "lora_dropout": 0.05, "peft_version": "0.21.2", "modules_to_save": nil, "use_dora": false,
        "use_rslora": false, "rank_pattern": [:], "alpha_pattern": [:], "fan_in_fan_out": false,
    ]
    var tensors: [String: HostTensor] = [:]

    static let prefix = "base_model.model."

    init() {}

    /// An adapter of q and v in every layer, distinct for each seed.
    init(base: TinyBase, seed: UInt64 = 1, rank: Int = 2) {
        fields["r"] = .integer(rank)
        for layer in 0..<base.model.layerCount {
            addPair(base, layer: layer, .query, rank: rank, seed: seed)
            addPair(base, layer: layer, .value, rank: rank, seed: seed)
        }
    }

    mutating func addPair(_ base: TinyBase, layer: Int, _ projection: Projection, rank: Int, seed: UInt64 = 1) {
        let (outputs, inputs) = base.model.projectionShape(projection)
        let path = "model.layers.\(layer).\(ModelConfiguration.modulePath(projection))"
        let salt = seed &* 1_000 &+ UInt64(layer * 14 + projection.rawValue * 2)
        tensors[Self.prefix + path + ".lora_A.weight"] = .random([rank, inputs], seed: salt)
        tensors[Self.prefix + path + ".lora_B.weight"] = .random([outputs, rank], seed: salt + 1)
    }

    mutating func addEmbedding(_ base: TinyBase, rank: Int) {
        let path = Self.prefix + "model.embed_tokens.lora_embedding_"
        tensors[path + "A"] = .random([rank, base.model.vocabularySize], seed: 71)
        tensors[path + "B"] = .random([base.model.hiddenSize, rank], seed: 72)
    }

    mutating func addHead(_ base: TinyBase, rank: Int) {
        tensors[Self.prefix + "lm_head.lora_A.weight"] = .random([rank, base.model.hiddenSize], seed: 73)
        tensors[Self.prefix + "lm_head.lora_B.weight"] = .random([base.model.vocabularySize, rank], seed: 74)
    }

    /// Writes both files; tensors sorted by name unless `reversed`.
    func write(to path: String, reversed: Bool = false) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let sorted = tensors.sorted { reversed ? $0.key > $1.key : $0.key < $1.key }
        let file = SafetensorsWriter.encode(sorted.map { (name: $0.key, tensor: $0.value) })
        let members = fields.sorted { reversed ? $0.key > $1.key : $0.key < $1.key }.map { ($0.key, $0.value) }
        let config = JSONValue.object(JSONObject(members)).encodedBytes()
        // Whole files are moved into place, as careful writers do.
        try Data(file).write(to: URL(fileURLWithPath: path + "/adapter_model.safetensors"), options: .atomic)
        try Data(config).write(to: URL(fileURLWithPath: path + "/adapter_config.json"), options: .atomic)
    }
}
