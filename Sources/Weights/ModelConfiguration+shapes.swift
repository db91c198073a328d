package import Core

extension ModelConfiguration {
    /// The name of a projection's module inside a layer, as Hugging Face has it.
    package static func modulePath(_ projection: Projection) -> String {
        switch projection {
        case .query: "self_attn.q_proj"
        case .key: "self_attn.k_proj"
        case .value: "self_attn.v_proj"
        case .output: "self_attn.o_proj"
        case .gate: "mlp.gate_proj"
        case .up: "mlp.up_proj"
        case .down: "mlp.down_proj"
        }
    }

    /// Every tensor of a checkpoint with its shape, in the order of the forward pass.
    ///
    /// Weights are `[outputs, inputs]`.
    package func tensorShapes() -> [(name: String, shape: [Int])] {
        var shapes: [(name: String, shape: [Int])] = [("model.embed_tokens.weight", [vocabularySize, hiddenSize])]
        for layer in 0..<layerCount { shapes += layerShapes(prefix: "model.layers.\(layer).") }
        shapes.append(("model.norm.weight", [hiddenSize]))
        if !tiesEmbeddings { shapes.append(("lm_head.weight", [vocabularySize, hiddenSize])) }
        return shapes
    }

    private func layerShapes(prefix: String) -> [(name: String, shape: [Int])] {
        var shapes: [(name: String, shape: [Int])] = [(prefix + "input_layernorm.weight", [hiddenSize])]
        for projection in Projection.allCases {
            let (outputs, inputs) = projectionShape(projection)
            let module = prefix + Self.modulePath(projection)
            shapes.append((module + ".weight", [outputs, inputs]))
            if hasBias(projection) { shapes.append((module + ".bias", [outputs])) }
        }
        if hasHeadNorm {
            shapes.append((prefix + "self_attn.q_norm.weight", [headSize]))
            shapes.append((prefix + "self_attn.k_norm.weight", [headSize]))
        }
        shapes.append((prefix + "post_attention_layernorm.weight", [hiddenSize]))
        return shapes
    }

    /// The same model cut off behind its first layers.
    ///
    /// - Precondition: `1 ... layerCount`
    package func keepingLayers(_ count: Int) -> ModelConfiguration {
        precondition((1...layerCount).contains(count), "\(count) of \(layerCount) layers")
        var cut = self
        cut.layerCount = count
        return cut
    }

    /// Whether a projection adds a bias.
    package func hasBias(_ projection: Projection) -> Bool {
        switch projection {
        case .query, .key, .value: hasAttentionBias
        case .output: hasOutputBias
        case .gate, .up, .down: false
        }
    }
}
