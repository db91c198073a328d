import Core
import Weights

extension HostTensor {
    /// A float32 tensor of given values.
    static func floats(_ values: [Float], shape: [Int]) -> HostTensor {
        let memory = HostMemory(byteCount: values.count * 4)
        values.withUnsafeBytes { memory.bytes.copyMemory(from: $0) }
        return memory.tensor(type: .float32, shape: shape)
    }

    /// The values of a float32 tensor.
    var floats: [Float] { (0..<elementCount).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) } }
}

extension SafetensorsFile {
    /// A file in memory; `bytes` are copied.
    init(_ bytes: [UInt8]) throws(WeightsError) {
        let memory = HostMemory(byteCount: bytes.count)
        memory.bytes.copyBytes(from: bytes)
        let content = UnsafeRawBufferPointer(rebasing: memory.bytes[..<bytes.count])
        try self.init(bytes: content, owner: memory, path: "test.safetensors")
    }

    /// A file in memory with the given header text and number of data bytes.
    init(header: String, dataCount: Int) throws(WeightsError) {
        let text = Array(header.utf8)
        let length = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
        try self.init(length + text + Array(repeating: 0, count: dataCount))
    }
}
