import CPUKernels
import TestSupport

extension SplitMix {
    /// `count` floats in -1...1.
    mutating func floats(_ count: Int) -> [Float] {
        (0..<count).map { _ in Float.random(in: -1...1, using: &self) }
    }

    mutating func size(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
}

/// A tensor as a kernel sees it, with the values that its storage type really holds.
///
/// Its bytes begin at an odd address on purpose: files do not align.
struct StoredTensor {
    private let storage: [UInt8]
    let type: punica_scalar
    /// Exactly what is stored.
    let values: [Float]

    init(_ wished: [Float], type: punica_scalar) {
        let packed = Self.bytes(of: wished, as: type)
        var values = wished
        punica_to_float(&values, packed, type, wished.count)
        storage = [0xff] + packed
        self.type = type
        self.values = values
    }

    private static func bytes(of values: [Float], as type: punica_scalar) -> [UInt8] {
        switch type {
        case .float32: values.withUnsafeBytes { Array($0) }
        case .float16: values.map { Float16($0).bitPattern }.withUnsafeBytes { Array($0) }
        case .bfloat16: values.map(nearestBfloat16).withUnsafeBytes { Array($0) }
        }
    }

    /// The upper half of a float32, rounded to nearest even. Not for a NaN whose last bits are set.
    private static func nearestBfloat16(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
    }

    init(_ count: Int, type: punica_scalar, using random: inout SplitMix) {
        self.init(random.floats(count), type: type)
    }

    func withPointer<R>(_ body: (UnsafeRawPointer) throws -> R) rethrows -> R {
        try storage.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { preconditionFailure("the byte before the tensor is there") }
            return try body(start + 1)
        }
    }
}
