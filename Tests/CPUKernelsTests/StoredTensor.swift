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
        let size = type == .float32 ? 4 : 2
        var storage = [UInt8](repeating: 0xff, count: wished.count * size + 1)
        var values = wished
        storage.withUnsafeMutableBytes { bytes in
            var packed = [UInt8](repeating: 0, count: max(1, wished.count * size))
            packed.withUnsafeMutableBytes { packed in
                punica_from_float(packed.baseAddress, wished, type, wished.count)
                punica_to_float(&values, packed.baseAddress, type, wished.count)
                UnsafeMutableRawBufferPointer(rebasing: bytes[1...]).copyBytes(from: packed[0..<wished.count * size])
            }
        }
        self.storage = storage
        self.type = type
        self.values = values
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
