import Core
import TestSupport
import Weights

/// A base model small enough for thousands of loads.
struct TinyBase {
    let model: ModelConfiguration
    let checkpoint: Checkpoint

    init(layers: Int = 2, hidden: Int = 8, vocabulary: Int = 12, ties: Bool = false) throws {
        let text = """
            {"architectures": ["LlamaForCausalLM"], "vocab_size": \(vocabulary), "hidden_size": \(hidden),
             "intermediate_size": \(hidden + 4), "num_hidden_layers": \(layers), "num_attention_heads": 2,
             "num_key_value_heads": 1, "tie_word_embeddings": \(ties)}
            """
        model = try ModelConfiguration(parsing: Array(text.utf8), generation: nil)
        checkpoint = Checkpoint.dummy(configuration: model, seed: 3, type: .float32)
    }
}

extension HostTensor {
    /// A float32 tensor of given values.
    static func floats(_ values: [Float], shape: [Int]) -> HostTensor {
        let memory = HostMemory(byteCount: values.count * 4)
        values.withUnsafeBytes { memory.bytes.copyMemory(from: $0) }
        return memory.tensor(type: .float32, shape: shape)
    }

    /// Seeded values between -0.5 and 0.5.
    static func random(_ shape: [Int], seed: UInt64) -> HostTensor {
        var generator = SplitMix(seed: seed)
        let values = (0..<shape.reduce(1, *)).map { _ in Float.random(in: -0.5...0.5, using: &generator) }
        return floats(values, shape: shape)
    }

    /// The values of a float32 tensor.
    var floats: [Float] { (0..<elementCount).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) } }
}
