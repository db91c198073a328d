import CPUKernels
import Testing

/// A pool that ends with its last reference.
final class Pool {
    let pointer: OpaquePointer

    init(threads: Int32) throws { pointer = try #require(punica_pool_create(threads)) }

    deinit { punica_pool_destroy(pointer) }
}

/// ‖a - b‖ / ‖b‖, infinite where anything is not finite.
func relativeError(_ a: some Sequence<Float>, _ b: some Sequence<Double>) -> Double {
    var difference = 0.0
    var norm = 0.0
    for (x, y) in zip(a, b) {
        difference += (Double(x) - y) * (Double(x) - y)
        norm += y * y
    }
    guard difference.isFinite, norm.isFinite else { return .infinity }
    return difference == 0 ? 0 : (difference / norm).squareRoot()
}

/// The largest |a - b|, infinite where either is not finite.
func largestDifference(_ a: some Sequence<Float>, _ b: some Sequence<Double>) -> Double {
    zip(a, b).reduce(0) { worst, pair in
        let difference = abs(Double(pair.0) - pair.1)
        return difference.isFinite ? max(worst, difference) : .infinity
    }
}

/// Equal bit for bit; NaN equals the same NaN.
func sameBits(_ a: some Sequence<Float>, _ b: some Sequence<Float>) -> Bool {
    a.map(\.bitPattern) == b.map(\.bitPattern)
}
