package import Backends
package import Core
package import Weights

/// What a model runs on.
package enum DeviceChoice: Sendable, Equatable {
    case cpu(threads: Int)
    case cuda(CUDASettings)
}

extension ModelConfiguration {
    /// The sizes that a device compiles its kernels for.
    package var shape: ModelShape {
        ModelShape(
            layers: layerCount,
            hiddenSize: hiddenSize,
            heads: headCount,
            keyValueHeads: keyValueHeadCount,
            headSize: headSize,
            intermediateSize: intermediateSize,
            vocabularySize: vocabularySize
        )
    }

    /// What weights and activations are on a GPU: the checkpoint's own 16-bit type, or bfloat16 for float32.
    package var deviceType: ScalarType { scalarType == .float16 ? .float16 : .bfloat16 }
}
