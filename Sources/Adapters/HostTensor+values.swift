import Core

extension HostTensor {
    /// Writes `target.count` elements from `start` on, widened exactly to float32.
    func copyFloats(from start: Int, into target: UnsafeMutableBufferPointer<Float>) {
        precondition(start >= 0 && start + target.count <= elementCount, "\(start) + \(target.count) of \(shape)")
        let first = start * type.byteCount
        let source = UnsafeRawBufferPointer(rebasing: bytes[first..<first + target.count * type.byteCount])
        switch type {
        case .float32: UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
        case .float16:
            let values = source.bindMemory(to: Float16.self)
            for index in target.indices { target[index] = Float(values[index]) }
        case .bfloat16:
            let values = source.bindMemory(to: UInt16.self)
            for index in target.indices { target[index] = Float(bitPattern: UInt32(values[index]) << 16) }
        }
    }

    /// All elements, widened exactly to float32.
    func floatArray() -> [Float] {
        [Float](unsafeUninitializedCapacity: elementCount) { buffer, count in
            copyFloats(from: 0, into: UnsafeMutableBufferPointer(rebasing: buffer[..<elementCount]))
            count = elementCount
        }
    }

    /// The same values as float32.
    func widened() -> HostTensor {
        let memory = HostMemory(byteCount: elementCount * 4)
        let target = UnsafeMutableRawBufferPointer(rebasing: memory.bytes[..<(elementCount * 4)])
        copyFloats(from: 0, into: target.bindMemory(to: Float.self))
        return memory.tensor(type: .float32, shape: shape)
    }

    /// The index of the first NaN or infinity.
    func firstNotFinite() -> Int? {
        switch type {
        case .float32: Self.firstFullExponent(bytes.bindMemory(to: UInt32.self), exponent: 0x7F80_0000)
        case .float16: Self.firstFullExponent(bytes.bindMemory(to: UInt16.self), exponent: 0x7C00)
        case .bfloat16: Self.firstFullExponent(bytes.bindMemory(to: UInt16.self), exponent: 0x7F80)
        }
    }

    private static func firstFullExponent<Bits: FixedWidthInteger>(
        _ values: UnsafeBufferPointer<Bits>,
        exponent: Bits
    ) -> Int? {
        // One pass without branches, which vectorises; the second pass runs only for a bad tensor.
        var isBad: Bits = 0
        for value in values { isBad |= value & exponent == exponent ? 1 : 0 }
        return isBad == 0 ? nil : values.firstIndex { $0 & exponent == exponent }
    }

    /// The index of the first element whose value differs; shapes must be equal, types need not.
    func firstDifference(from other: HostTensor) -> Int? {
        precondition(shape == other.shape, "\(shape) against \(other.shape)")
        if type == other.type && bytes.elementsEqual(other.bytes) { return nil }
        let (left, right) = (floatArray(), other.floatArray())
        return left.indices.first { left[$0] != right[$0] }
    }
}
