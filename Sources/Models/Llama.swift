package import Backends
package import Weights

/// The decoder of the Llama family: Llama, Mistral (sliding window), Qwen2 (biases) and Qwen3 (query and key norms).
///
///     x = embed(tokens)
///     for each layer:   x += attention(norm(x))
///                       x += down(silu(gate(norm(x))) · up(norm(x)))
///     logits = head(norm(x[wanted]))
package struct Llama<Device: Backend & ~Copyable> {
    private let configuration: ModelConfiguration
    private let embedding: Device.Matrix
    private let layers: [LlamaLayer<Device>]
    private let norm: Norm<Device.Vector>
    private let head: Device.Matrix
    private let activations: LlamaActivations<Device>

    /// Loads the weights onto the device.
    ///
    /// - Parameter limits: the largest step, for which activations get room.
    /// - Throws: `WeightsError` for a checkpoint that lacks a tensor or has one of another shape.
    package init(
        _ checkpoint: Checkpoint,
        _ configuration: ModelConfiguration,
        limits: BatchLimits,
        on device: inout Device
    ) throws(WeightsError) {
        try checkpoint.validate(against: configuration)
        let table = device.makeMatrix(
            [try checkpoint.tensor(named: "model.embed_tokens.weight")],
            for: configuration.tiesEmbeddings ? .head : nil
        )
        var layers: [LlamaLayer<Device>] = []
        for index in 0..<configuration.layerCount {
            layers.append(try LlamaLayer(checkpoint, configuration, index: index, on: &device))
        }
        let norm = device.makeVector([try checkpoint.tensor(named: "model.norm.weight")])
        let head =
            configuration.tiesEmbeddings
            ? table : device.makeMatrix([try checkpoint.tensor(named: "lm_head.weight")], for: .head)

        self.configuration = configuration
        self.embedding = table
        self.layers = layers
        self.norm = Norm(weight: norm, epsilon: configuration.normEpsilon)
        self.head = head
        activations = LlamaActivations(configuration, limits: limits, on: &device)
    }

    /// Issues the operations of one forward pass, inside `device.forward`.
    ///
    /// - Returns: logits `[wanted rows, V]`, in memory that the next step overwrites.
    package func forward(on device: inout Device) -> Device.Rows {
        let rows = activations
        let pending = runLayers(on: &device)
        device.normalizeWanted(rows.hidden, adding: pending, by: norm, into: rows.wanted)
        device.multiply(rows.wanted, by: head, bias: nil, target: .head, into: rows.logits)
        return rows.logits
    }

    /// The same without logits, up to the last sum over ranks: what of a step is left to ranks but the first.
    ///
    /// - Returns: the residual stream, to which something may still have to be added.
    func forwardLayers(on device: inout Device) -> Device.Rows {
        _ = runLayers(on: &device)
        return activations.hidden
    }

    /// - Returns: what is still to be added to the residual stream; nil where nothing is.
    private func runLayers(on device: inout Device) -> Device.Rows? {
        let rows = activations
        device.embed(embedding, into: rows.hidden)
        device.normalize(rows.hidden, adding: nil, by: layers[0].attentionNorm, into: rows.normalized)
        var pending: Device.Rows?
        for (index, layer) in layers.enumerated() {
            layer.attend(rows, on: &device)
            let next = index + 1 < layers.count ? layers[index + 1].attentionNorm : nil
            pending = layer.feedForward(rows, before: next, on: &device)
        }
        return pending
    }
}

/// Room for what passes between operations; one set serves all layers.
struct LlamaActivations<Device: Backend & ~Copyable> {
    /// The residual stream `[T, E]`.
    let hidden: Device.Rows
    let normalized: Device.Rows
    /// What a block adds to the residual stream.
    let delta: Device.Rows
    /// `[T, (H + 2G)·D]`
    let qkv: Device.Rows
    /// `[T, H·D]`
    let attention: Device.Rows
    /// `[T, 2F]`
    let gateUp: Device.Rows
    /// `[T, F]`
    let gated: Device.Rows
    /// `[B, E]`, normalized.
    let wanted: Device.Rows
    /// `[B, V]`
    let logits: Device.Rows

    init(_ configuration: ModelConfiguration, limits: BatchLimits, on device: inout Device) {
        let (tokens, hiddenSize) = (limits.tokens, configuration.hiddenSize)
        let queries = configuration.headCount * configuration.headSize
        let keys = configuration.keyValueHeadCount * configuration.headSize
        hidden = device.makeRows(tokens, width: hiddenSize, .residual)
        normalized = device.makeRows(tokens, width: hiddenSize, .inputs)
        delta = device.makeRows(tokens, width: hiddenSize, .activations)
        qkv = device.makeRows(tokens, width: queries + 2 * keys, .activations)
        attention = device.makeRows(tokens, width: queries, .inputs)
        gateUp = device.makeRows(tokens, width: 2 * configuration.intermediateSize, .activations)
        gated = device.makeRows(tokens, width: configuration.intermediateSize, .inputs)
        wanted = device.makeRows(limits.sequences, width: hiddenSize, .activations)
        logits = device.makeRows(limits.sequences, width: configuration.vocabularySize, .logits)
    }
}
