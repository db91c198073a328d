package import Core
package import Weights

extension LoadedAdapter {
    /// A made-up adapter for benchmarks and tests: every update is random and small, and scaled by 2, as is usual.
    ///
    /// - Parameters:
    ///   - rank: 1 ... 512.
    ///   - seed: different seeds give different adapters with different digests.
    ///   - projections: which products are changed, in every layer.
    ///   - base: for DoRA, the weights that the adapter is for; nil for none.
    package static func dummy(
        model: ModelConfiguration,
        rank: Int,
        seed: UInt64,
        projections: [Projection] = Projection.allCases,
        type: ScalarType = .bfloat16,
        magnitudesOver base: Checkpoint? = nil
    ) throws(AdapterError) -> LoadedAdapter {
        var tensors: [String: HostTensor] = [:]
        var generator = UniformValues(state: seed)
        for layer in 0..<model.layerCount {
            for projection in projections {
                let module = AdapterModule.projection(layer: layer, projection)
                let (outputs, inputs) = module.updateShape(model)
                let prefix = AdapterTensors.prefix + module.path
                tensors[prefix + ".lora_A.weight"] = generator.tensor(type, shape: [rank, inputs])
                tensors[prefix + ".lora_B.weight"] = generator.tensor(type, shape: [outputs, rank])
                if base != nil {
                    let magnitudes = generator.tensor(type, shape: [outputs], around: 0.25)
                    tensors[prefix + ".lora_magnitude_vector"] = magnitudes
                }
            }
        }
        let names = projections.map { "\"\(ModelConfiguration.modulePath($0))\"" }.joined(separator: ",")
        let text =
            #"{"peft_type":"LORA","r":\#(rank),"lora_alpha":\#(2 * rank),"target_modules":[\#(names)],"#
            + #""use_dora":\#(base != nil)}"#
        let content = AdapterContent(names: tensors.keys.sorted(), file: "dummy adapter") { tensors[$0] }
        return try AdapterAssembly(
            content: content,
            configuration: AdapterConfiguration(parsing: Array(text.utf8), file: "dummy adapter"),
            model: model,
            base: base ?? Checkpoint(tensors: [:], directory: "none")
        ).adapter()
    }
}

/// Uniform values between -0.02 and 0.02, stored in any type.
private struct UniformValues {
    var state: UInt64

    mutating func tensor(_ type: ScalarType, shape: [Int], around middle: Float = 0) -> HostTensor {
        let count = shape.reduce(1, *)
        let memory = HostMemory(byteCount: count * type.byteCount)
        for index in 0..<count {
            let value = middle + next()
            let offset = index * type.byteCount
            switch type {
            case .float32: memory.bytes.storeBytes(of: value, toByteOffset: offset, as: Float.self)
            case .float16: memory.bytes.storeBytes(of: Float16(value), toByteOffset: offset, as: Float16.self)
            case .bfloat16:
                let bits = UInt16(truncatingIfNeeded: value.bitPattern >> 16)
                memory.bytes.storeBytes(of: bits, toByteOffset: offset, as: UInt16.self)
            }
        }
        return memory.tensor(type: type, shape: shape)
    }

    /// SplitMix64, upper 24 bits.
    private mutating func next() -> Float {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return (Float((bits ^ (bits >> 31)) >> 40) / Float(1 << 24) - 0.5) * 0.04
    }
}
