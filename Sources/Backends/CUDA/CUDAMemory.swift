internal import CUDA
internal import Core

/// A dense weight on the device, `[outputs, inputs]`, 16-bit, row-major.
package struct CUDAMatrix: Sendable {
    let address: UInt64
    let outputs: Int
    let inputs: Int
    /// Elements from one row to the next: the inputs and room for columns (`LowRankColumns`).
    let pitch: Int

    /// Whether their products are computed alike.
    func hasShape(of other: CUDAMatrix) -> Bool {
        outputs == other.outputs && inputs == other.inputs && pitch == other.pitch
    }
}

/// Float32 numbers on the device.
package struct CUDAVector: Sendable {
    let address: UInt64
    let count: Int
}

/// Room for activations on the device.
package struct CUDARows: Sendable {
    let address: UInt64
    let count: Int
    let width: Int
    /// Elements from one row to the next: the width, and where products read the rows, room for columns
    /// (`LowRankColumns`).
    let pitch: Int
    /// float32 for logits and the residual stream, else the model's 16-bit type.
    let type: ScalarType
}

/// Device memory that lives as long as its owner; given out in pieces that never come back.
final class DeviceMemory {
    private let context: Context
    private var buffers: [DeviceBuffer] = []

    init(_ context: Context) { self.context = context }

    var byteCount: Int { buffers.reduce(0) { $0 + $1.byteCount } }

    func allocate(byteCount: Int) throws(CUDAError) -> UInt64 {
        let buffer = try DeviceBuffer(context, byteCount: max(byteCount, 256))
        buffers.append(buffer)
        return buffer.address
    }
}
