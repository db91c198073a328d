internal import Backends
internal import Core
internal import Weights

/// One decoder layer: attention and feed-forward, each reading `normalized` and leaving its sum in `delta`.
struct LlamaLayer<Device: Backend & ~Copyable> {
    private let index: Int
    private let shape: AttentionShape
    let attentionNorm: Device.Vector
    let feedForwardNorm: Device.Vector
    private let queryKeyValue: Device.Matrix
    private let queryKeyValueBias: Device.Vector?
    private let queryNorm: Device.Vector?
    private let keyNorm: Device.Vector?
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
        attentionNorm = device.makeVector(try tensors(["input_layernorm.weight"]))
        feedForwardNorm = device.makeVector(try tensors(["post_attention_layernorm.weight"]))
        queryKeyValue = device.makeMatrix(try weights(.queryKeyValue, "weight"))
        queryKeyValueBias =
            configuration.hasAttentionBias ? device.makeVector(try weights(.queryKeyValue, "bias")) : nil
        queryNorm = configuration.hasHeadNorm ? device.makeVector(try tensors(["self_attn.q_norm.weight"])) : nil
        keyNorm = configuration.hasHeadNorm ? device.makeVector(try tensors(["self_attn.k_norm.weight"])) : nil
        output = device.makeMatrix(try weights(.output, "weight"))
        outputBias = configuration.hasOutputBias ? device.makeVector(try weights(.output, "bias")) : nil
        gateUp = device.makeMatrix(try weights(.gateUp, "weight"))
        down = device.makeMatrix(try weights(.down, "weight"))
    }

    func attend(_ rows: LlamaActivations<Device>, _ configuration: ModelConfiguration, on device: inout Device) {
        device.multiply(
            rows.normalized,
            by: queryKeyValue,
            bias: queryKeyValueBias,
            target: .projections(layer: index, .queryKeyValue),
            into: rows.qkv
        )
        if let queryNorm, let keyNorm {
            let epsilon = configuration.normEpsilon
            device.normalizeHeads(rows.qkv, column: 0, heads: shape.heads, weight: queryNorm, epsilon: epsilon)
            device.normalizeHeads(
                rows.qkv,
                column: shape.heads * shape.headSize,
                heads: shape.keyValueHeads,
                weight: keyNorm,
                epsilon: epsilon
            )
        }
        device.appendAndAttend(rows.qkv, layer: index, shape: shape, into: rows.attention)
        device.multiply(
            rows.attention,
            by: output,
            bias: outputBias,
            target: .projections(layer: index, .output),
            into: rows.delta
        )
        device.sumOverRanks(rows.delta)
    }

    func feedForward(_ rows: LlamaActivations<Device>, on device: inout Device) {
        device.multiplyGated(
            rows.normalized,
            by: gateUp,
            target: .projections(layer: index, .gateUp),
            through: rows.gateUp,
            into: rows.gated
        )
        device.multiply(
            rows.gated,
            by: down,
            bias: nil,
            target: .projections(layer: index, .down),
            into: rows.delta
        )
        device.sumOverRanks(rows.delta)
    }
}
