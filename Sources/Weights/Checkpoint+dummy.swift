package import Core
import Dispatch

extension Checkpoint {
    /// Made-up weights of a configuration's shapes, for benchmarks: norms are 1, biases 0, everything else is
    /// bell-shaped with a standard deviation of 0.02.
    ///
    /// The same seed gives the same bytes on any machine and number of cores.
    ///
    /// - Parameters:
    ///   - type: what the tensors are stored as.
    ///   - distinctLayers: how many layers have weights of their own; the others repeat theirs, which saves time and
    ///     host memory where a device copies them anyway. nil makes all distinct.
    package static func dummy(
        configuration: ModelConfiguration,
        seed: UInt64,
        type: ScalarType,
        distinctLayers: Int? = nil
    ) -> Checkpoint {
        let all = configuration.tensorShapes()
        guard let distinctLayers, distinctLayers < configuration.layerCount else {
            return Checkpoint(tensors: make(all, seed: seed, type: type), directory: "dummy weights")
        }
        let sources = all.map { sourceName(of: $0.name, distinctLayers: distinctLayers) }
        let own = make(
            all.filter { sourceName(of: $0.name, distinctLayers: distinctLayers) == $0.name },
            seed: seed,
            type: type
        )
        let named = zip(all, sources).compactMap { entry, source in own[source].map { (entry.name, $0) } }
        return Checkpoint(tensors: Dictionary(uniqueKeysWithValues: named), directory: "dummy weights")
    }

    /// The tensor of the layer whose weights a layer repeats.
    private static func sourceName(of name: String, distinctLayers: Int) -> String {
        let prefix = "model.layers."
        guard name.hasPrefix(prefix) else { return name }
        let rest = name.dropFirst(prefix.count)
        let digits = rest.prefix { $0.isNumber }
        guard let layer = Int(digits) else { return name }
        return prefix + "\(layer % distinctLayers)" + rest.dropFirst(digits.count)
    }

    private static func make(
        _ shapes: [(name: String, shape: [Int])],
        seed: UInt64,
        type: ScalarType
    ) -> [String: HostTensor] {
        let values = BellTable(standardDeviation: 0.02)
        let tensors = TensorPlaces(count: shapes.count)
        DispatchQueue.concurrentPerform(iterations: shapes.count) { index in
            let (name, shape) = shapes[index]
            let memory = HostMemory(byteCount: shape.reduce(type.byteCount, *))
            if name.hasSuffix("norm.weight") {
                fill(memory, type: type, with: 1)
            } else if !name.hasSuffix(".bias") {
                values.fill(memory, type: type, count: shape.reduce(1, *), key: mix(seed &+ mix(UInt64(index))))
            }
            tensors.store(memory.tensor(type: type, shape: shape), at: index)
        }
        return Dictionary(uniqueKeysWithValues: zip(shapes, tensors.collect()).map { ($0.name, $1) })
    }

    private static func fill(_ memory: HostMemory, type: ScalarType, with value: Float) {
        switch type {
        case .float32: memory.bytes.bindMemory(to: Float.self).update(repeating: value)
        case .float16: memory.bytes.bindMemory(to: UInt16.self).update(repeating: Float16(value).bitPattern)
        case .bfloat16: memory.bytes.bindMemory(to: UInt16.self).update(repeating: bfloat16Bits(value))
        }
    }
}

/// One place for each tensor that the parallel loop makes.
private final class TensorPlaces: @unchecked Sendable {
    // Safe because each iteration writes its own element, and `collect` runs after all of them.
    private let places: UnsafeMutableBufferPointer<HostTensor?>

    init(count: Int) {
        places = .allocate(capacity: count)
        places.initialize(repeating: nil)
    }

    deinit { places.deinitialize().deallocate() }

    func store(_ tensor: HostTensor, at index: Int) { places[index] = tensor }
    func collect() -> [HostTensor] { places.compactMap { $0 } }
}

/// The sum of four random bytes, 0 to 1020, mapped to a nearly normal value: one table look-up for each weight.
private struct BellTable {
    private let values: [Float]

    init(standardDeviation: Float) {
        // A uniform byte has variance (256² - 1) / 12; four of them have four times that.
        let deviation = (4 * (65_536 - 1) / 12 as Float).squareRoot()
        values = (0...1020).map { (Float($0) - 510) / deviation * standardDeviation }
    }

    func fill(_ memory: HostMemory, type: ScalarType, count: Int, key: UInt64) {
        switch type {
        case .float32: fill(memory.bytes.bindMemory(to: Float.self), from: values, count: count, key: key)
        case .float16:
            let table = values.map { Float16($0).bitPattern }
            fill(memory.bytes.bindMemory(to: UInt16.self), from: table, count: count, key: key)
        case .bfloat16:
            let table = values.map { bfloat16Bits($0) }
            fill(memory.bytes.bindMemory(to: UInt16.self), from: table, count: count, key: key)
        }
    }

    @inline(__always)
    private func fill<T>(_ target: UnsafeMutableBufferPointer<T>, from table: [T], count: Int, key: UInt64) {
        table.withUnsafeBufferPointer { table in
            for pair in 0..<count / 2 {
                let sums = byteSums(mix(key &+ UInt64(pair)))
                target[2 * pair] = table[sums.0]
                target[2 * pair + 1] = table[sums.1]
            }
            if count % 2 == 1 { target[count - 1] = table[byteSums(mix(key &+ UInt64(count / 2))).0] }
        }
    }

    /// The sums of the lower and of the upper four bytes, each at most 1020.
    @inline(__always)
    private func byteSums(_ bits: UInt64) -> (Int, Int) {
        let pairs = (bits & 0x00FF_00FF_00FF_00FF) &+ ((bits >> 8) & 0x00FF_00FF_00FF_00FF)
        let quads = pairs &+ (pairs >> 16)
        return (Int(quads & 0x7FF), Int((quads >> 32) & 0x7FF))
    }
}

/// A bijection of 64-bit numbers whose outputs for successive inputs look random (the finaliser of SplitMix64).
@inline(__always)
private func mix(_ input: UInt64) -> UInt64 {
    var bits = input &+ 0x9E37_79B9_7F4A_7C15
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
}

/// The upper half of a float32, rounded to nearest even.
///
/// The value must be finite.
private func bfloat16Bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
}
