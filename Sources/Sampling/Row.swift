/// Passes over a whole vocabulary.
///
/// Each keeps eight independent lanes, so that one addition need not wait for another.
///
/// Unsafe buffers, because these loops are a large vocabulary's whole cost; every index is below the buffer's count.
enum Row {
    /// Values added up by `sum` at a time; small enough for `Float` to lose nothing that matters.
    static let chunk = 256

    /// The largest value and its first place; nil if there is none above -∞.
    ///
    /// NaN is never the largest.
    static func argmax(_ row: UnsafeBufferPointer<Float>) -> (index: Int, value: Float)? {
        let largest = max(row)
        guard largest > -.infinity else { return nil }
        for index in row.indices where row[index] == largest { return (index, largest) }
        return nil
    }

    /// The largest value, -∞ if there is none; NaN is passed over.
    private static func max(_ row: UnsafeBufferPointer<Float>) -> Float {
        var lanes = SIMD8<Float>(repeating: -.infinity)
        let whole = row.count & ~7
        for start in stride(from: 0, to: whole, by: 8) {
            let values = load(row, start)
            lanes.replace(with: values, where: values .> lanes)
        }
        var largest = -Float.infinity
        for lane in 0..<8 where lanes[lane] > largest { largest = lanes[lane] }
        for index in whole..<row.count where row[index] > largest { largest = row[index] }
        return largest
    }

    /// The sum of a buffer without NaN, in an order that depends on its length only.
    static func sum(_ row: UnsafeBufferPointer<Float>) -> Double {
        var total = 0.0
        for start in stride(from: 0, to: row.count, by: chunk) {
            total += chunkSum(row, start..<Swift.min(start + chunk, row.count))
        }
        return total
    }

    /// The sum of at most `chunk` values.
    static func chunkSum(_ row: UnsafeBufferPointer<Float>, _ range: Range<Int>) -> Double {
        var lanes = SIMD8<Float>.zero
        let whole = range.lowerBound + (range.count & ~7)
        for start in stride(from: range.lowerBound, to: whole, by: 8) { lanes += load(row, start) }
        var sum = Double(lanes.sum())
        for index in whole..<range.upperBound { sum += Double(row[index]) }
        return sum
    }

    @inline(__always)
    private static func load(_ row: UnsafeBufferPointer<Float>, _ start: Int) -> SIMD8<Float> {
        UnsafeRawBufferPointer(row).loadUnaligned(fromByteOffset: start * 4, as: SIMD8<Float>.self)
    }

    /// Where a point of `[0, sum(row))` falls when the values are laid end to end in the order of their ids.
    ///
    /// - Parameter row: at least 0 each, at least one above 0; only such a one is returned.
    static func locate(_ point: Double, in row: UnsafeBufferPointer<Float>) -> Int {
        var passed = 0.0
        var last = 0
        for start in stride(from: 0, to: row.count, by: chunk) {
            let range = start..<Swift.min(start + chunk, row.count)
            let sum = chunkSum(row, range)
            if passed + sum > point {
                for index in range where row[index] > 0 {
                    passed += Double(row[index])
                    last = index
                    if passed > point { return index }
                }
                // One by one the chunk came out a rounding error smaller than at once.
                return last
            }
            passed += sum
        }
        preconditionFailure("point \(point) lies past the sum \(passed)")
    }
}
