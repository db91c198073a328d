package import Core

/// The sizes and constants of a decoder, read from a Hugging Face `config.json`.
///
/// Every field is within its bound.
package struct ModelConfiguration: Sendable, Equatable {
    package enum Architecture: String, Sendable, CaseIterable {
        case llama = "LlamaForCausalLM"
        case mistral = "MistralForCausalLM"
        case qwen2 = "Qwen2ForCausalLM"
        case qwen3 = "Qwen3ForCausalLM"
    }

    package let architecture: Architecture
    package let vocabularySize: Int
    package let hiddenSize: Int
    package internal(set) var intermediateSize: Int
    package internal(set) var layerCount: Int
    /// Query heads.
    package internal(set) var headCount: Int
    /// Divides `headCount`.
    package internal(set) var keyValueHeadCount: Int
    /// Numbers per head; even.
    package let headSize: Int
    /// The longest context, in tokens.
    package let maxPositions: Int
    package let normEpsilon: Float
    package let ropeTheta: Double
    package let ropeScaling: RopeScaling?
    /// Whether the output head is the embedding table.
    package let tiesEmbeddings: Bool
    /// Whether query, key and value have a bias.
    package let hasAttentionBias: Bool
    /// Whether attention's output product has a bias.
    package let hasOutputBias: Bool
    /// The tokens that a position sees, itself included, in the layers that slide; nil where all layers see all.
    package let slidingWindow: Int?
    /// Which layers slide; empty when `slidingWindow` is nil, `layerCount` entries otherwise.
    package let slidingLayers: [Bool]
    /// The type that the configuration names; a checkpoint's tensors may differ.
    package let scalarType: ScalarType
    package let endOfSequenceIDs: [TokenID]

    /// Whether each query and key head is normalised before rotation.
    package var hasHeadNorm: Bool { architecture == .qwen3 }

    /// The window of one layer; nil sees everything.
    package func slidingWindow(layer: Int) -> Int? {
        guard let slidingWindow, slidingLayers[layer] else { return nil }
        return slidingWindow
    }

    /// Rows and columns of a projection's weight.
    package func projectionShape(_ projection: Projection) -> (outputs: Int, inputs: Int) {
        let attention = headCount * headSize
        switch projection {
        case .query: return (attention, hiddenSize)
        case .key, .value: return (keyValueHeadCount * headSize, hiddenSize)
        case .output: return (hiddenSize, attention)
        case .gate, .up: return (intermediateSize, hiddenSize)
        case .down: return (hiddenSize, intermediateSize)
        }
    }
}
