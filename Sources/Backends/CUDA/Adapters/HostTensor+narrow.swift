internal import Core

extension HostTensor {
    /// Writes all elements in a 16-bit type.
    ///
    /// - Parameter target: at least two bytes for each element, aligned to two.
    func write(as type: ScalarType, to target: UnsafeMutableRawBufferPointer) {
        write(0..<elementCount, as: type, to: target)
    }

    /// Writes some elements, counted in row-major order, in a 16-bit type; allocates nothing.
    ///
    /// - Parameter target: at least two bytes for each of them, aligned to two.
    func write(_ range: Range<Int>, as type: ScalarType, to target: UnsafeMutableRawBufferPointer) {
        precondition(type.byteCount == 2 && target.count >= 2 * range.count, "\(target.count) bytes for \(range)")
        let size = self.type.byteCount
        let source = UnsafeRawBufferPointer(rebasing: bytes[size * range.lowerBound..<size * range.upperBound])
        guard self.type != type else { return target.copyMemory(from: source) }
        let narrow = target.bindMemory(to: UInt16.self)
        switch self.type {
        case .float32:
            for index in 0..<range.count {
                narrow[index] = bits(source.loadUnaligned(fromByteOffset: 4 * index, as: Float.self), type)
            }
        case .float16:
            for index in 0..<range.count {
                narrow[index] = bits(Float(source.loadUnaligned(fromByteOffset: 2 * index, as: Float16.self)), type)
            }
        case .bfloat16:
            for index in 0..<range.count {
                let upper = UInt32(source.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)) << 16
                narrow[index] = bits(Float(bitPattern: upper), type)
            }
        }
    }
}

/// A float32 in 16 bits, rounded to nearest even; NaN stays NaN.
@inline(__always)
private func bits(_ value: Float, _ type: ScalarType) -> UInt16 {
    guard type == .bfloat16 else { return Float16(value).bitPattern }
    let pattern = value.bitPattern
    guard !value.isNaN else { return UInt16(truncatingIfNeeded: pattern >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (pattern &+ 0x7FFF &+ ((pattern >> 16) & 1)) >> 16)
}
