internal import Foundation
internal import Weights

/// Model shapes known by name; their weights are made up.
enum BenchShapes {
    static let names = ["llama-1.1b", "llama-2-7b", "llama-2-13b", "llama-2-70b", "llama-3-8b"]

    /// The shape with a name, or of the model in a directory.
    static func shape(_ nameOrDirectory: String) throws -> ModelConfiguration {
        if let text = text(named: nameOrDirectory) {
            return try ModelConfiguration(parsing: Array(text.utf8), generation: nil)
        }
        let file = URL(filePath: nameOrDirectory).appending(path: "config.json")
        guard let data = try? Data(contentsOf: file) else { throw BenchError.unknownShape(nameOrDirectory) }
        return try ModelConfiguration(parsing: Array(data), generation: nil)
    }

    private static func text(named name: String) -> String? {
        switch name {
        case "llama-1.1b": llama(hidden: 2048, feedForward: 5632, layers: 22, heads: 32, keyValueHeads: 4)
        case "llama-2-7b": llama(hidden: 4096, feedForward: 11008, layers: 32, heads: 32, keyValueHeads: 32)
        case "llama-2-13b": llama(hidden: 5120, feedForward: 13824, layers: 40, heads: 40, keyValueHeads: 40)
        case "llama-2-70b": llama(hidden: 8192, feedForward: 28672, layers: 80, heads: 64, keyValueHeads: 8)
        case "llama-3-8b":
            llama(hidden: 4096, feedForward: 14336, layers: 32, heads: 32, keyValueHeads: 8, vocabulary: 128_256)
        default: nil
        }
    }

    private static func llama(
        hidden: Int,
        feedForward: Int,
        layers: Int,
        heads: Int,
        keyValueHeads: Int,
        vocabulary: Int = 32000
    ) -> String {
        """
        {"architectures":["LlamaForCausalLM"],"hidden_size":\(hidden),"intermediate_size":\(feedForward),
        "num_hidden_layers":\(layers),"num_attention_heads":\(heads),"num_key_value_heads":\(keyValueHeads),
        "vocab_size":\(vocabulary),"max_position_embeddings":8192,"rms_norm_eps":1e-5,"rope_theta":10000.0,
        "hidden_act":"silu","tie_word_embeddings":false,"torch_dtype":"bfloat16","bos_token_id":1,"eos_token_id":2}
        """
    }
}
