internal import Backends
internal import Core
internal import Weights

/// One decoder layer: attention and feed-forward, each of which adds to the residual stream.
struct LlamaLayer<Device: Backend & ~Copyable> {
    private let index: Int
    private let shape: AttentionShape
    let attentionNorm: Norm<Device.Vector>
    private let feedForwardNorm: Norm<Device.Vector>
    private let queryKeyValue: Device.Matrix
    private let queryKeyValueBias: Device.Vector?
    private let queryNorm: Norm<Device.Vector>?
    private let keyNorm: Norm<Device.Vector>?
    private let output: Device.Matrix
    private let outputBias: Device.Vector?
    private let gateUp: Device.Matrix
    private let down: Device.Matrix

    init(
        _ checkpoint: Checkpoint,
        _ configuration: ModelConfiguration,
        index: Int,
        on device: inout Device
    ) throws(WeightsError) {
        self.index = index
        shape = AttentionShape(
            heads: configuration.headCount,
            keyValueHeads: configuration.keyValueHeadCount,
            headSize: configuration.headSize,
            window: configuration.slidingWindow(layer: index)
        )
        let prefix = "model.layers.\(index)."
        func tensors(_ names: [String]) throws(WeightsError) -> [HostTensor] {
            var tensors: [HostTensor] = []
            for name in names { tensors.append(try checkpoint.tensor(named: prefix + name)) }
            return tensors
        }
        func weights(_ group: ProjectionGroup, _ kind: String) throws(WeightsError) -> [HostTensor] {
            try tensors(group.projections.map { ModelConfiguration.modulePath($0) + "." + kind })
        }
        func matrix(_ group: ProjectionGroup) throws(WeightsError) -> Device.Matrix {
            device.makeMatrix(try weights(group, "weight"), for: .projections(layer: index, group))
        }
        func norm(_ name: String) throws(WeightsError) -> Norm<Device.Vector> {
            Norm(weight: device.makeVector(try tensors([name])), epsilon: configuration.normEpsilon)
        }
        attentionNorm = try norm("input_layernorm.weight")
        feedForwardNorm = try norm("post_attention_layernorm.weight")
        queryKeyValue = try matrix(.queryKeyValue)
        queryKeyValueBias =
            configuration.hasAttentionBias ? device.makeVector(try weights(.queryKeyValue, "bias")) : nil
        queryNorm = configuration.hasHeadNorm ? try norm("self_attn.q_norm.weight") : nil
        keyNorm = configuration.hasHeadNorm ? try norm("self_attn.k_norm.weight") : nil
        output = try matrix(.output)
        outputBias = configuration.hasOutputBias ? device.makeVector(try weights(.output, "bias")) : nil
        gateUp = try matrix(.gateUp)
        down = try matrix(.down)
    }

    /// From `normalized`, and leaves there what the feed-forward block reads.
    func attend(_ rows: LlamaActivations<Device>, on device: inout Device) {
        device.multiply(
            rows.normalized,
            by: queryKeyValue,
            bias: queryKeyValueBias,
            target: .projections(layer: index, .queryKeyValue),
            into: rows.qkv
        )
        normalizeHeads(rows.qkv, on: &device)
        device.appendAndAttend(rows.qkv, layer: index, shape: shape, into: rows.attention)
        let target = AdapterTarget.projections(layer: index, .output)
        device.addAndNormalize(
            Product(rows.attention, by: output, bias: outputBias, target: target),
            through: rows.delta,
            to: rows.hidden,
            by: feedForwardNorm,
            into: rows.normalized
        )
    }

    private func normalizeHeads(_ qkv: Device.Rows, on device: inout Device) {
        guard let queryNorm, let keyNorm else { return }
        device.normalizeHeads(qkv, column: 0, heads: shape.heads, by: queryNorm)
        device.normalizeHeads(
            qkv,
            column: shape.heads * shape.headSize,
            heads: shape.keyValueHeads,
            by: keyNorm
        )
    }

    /// From `normalized`, and leaves there what the next layer reads.
    ///
    /// - Parameter next: the next layer's norm; nil after the last.
    /// - Returns: what is still to be added to the residual stream.
    func feedForward(
        _ rows: LlamaActivations<Device>,
        before next: Norm<Device.Vector>?,
        on device: inout Device
    ) -> Device.Rows? {
        device.multiplyGated(
            rows.normalized,
            by: gateUp,
            target: .projections(layer: index, .gateUp),
            through: rows.gateUp,
            into: rows.gated
        )
        let product = Product(
            rows.gated,
            by: down,
            bias: Device.Vector?.none,
            target: .projections(layer: index, .down)
        )
        guard let next else { return device.add(product, through: rows.delta, to: rows.hidden) }
        device.addAndNormalize(product, through: rows.delta, to: rows.hidden, by: next, into: rows.normalized)
        return nil
    }
}
