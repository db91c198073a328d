/// Finds the likeliest tokens without sorting: the cut that keeps a given number of weights, or a given sum of them.
///
/// Weights are in `[0, 1]`, where the bits of a `Float`, read as a number, order as the values do. Three passes fix 10
/// bits each: count and sum the weights of each next 10 bits, walk down from the largest until the limit is met, go on
/// within that class. The cost is three passes whatever the limit. Weights equal to the cut are told apart by id.
struct CutoffFinder: Sendable {
    enum Limit {
        /// Keep this many, at least 1.
        case count(Int)
        /// Keep the fewest whose sum reaches this.
        case mass(Double)
    }

    private static let classCount = 1 << 10

    private var counts = [Int](repeating: 0, count: classCount)
    private var masses = [Double](repeating: 0, count: classCount)

    /// The cut for a limit: always keeps at least the first of the largest weights.
    ///
    /// - Parameter weights: in `[0, 1]`, at least one above 0. Zeros are never kept.
    mutating func find(_ limit: Limit, in weights: UnsafeBufferPointer<Float>) -> Cutoff {
        var bits: UInt32 = 0
        var above = (count: 0, mass: 0.0)
        for shift in [20, 10, 0] as [UInt32] {
            tally(weights, prefix: bits, shift: shift)
            bits = bits << 10 | UInt32(descend(limit, from: &above))
        }
        let weight = Float(bitPattern: bits)
        let equals = counts[Int(bits & 1023)]
        let wanted =
            switch limit {
            case .count(let count): count - above.count
            case .mass(let mass): Int(min(((mass - above.mass) / Double(weight)).rounded(.up), Double(equals)))
            }
        return Cutoff(weight: weight, equals: equals, keptEquals: min(max(wanted, 1), equals), massAbove: above.mass)
    }

    /// Counts and sums the positive weights whose high bits are `prefix`, by the 10 bits from `shift` on.
    private mutating func tally(_ weights: UnsafeBufferPointer<Float>, prefix: UInt32, shift: UInt32) {
        for index in 0..<Self.classCount {
            counts[index] = 0
            masses[index] = 0
        }
        for weight in weights where weight.bitPattern >> (shift + 10) == prefix && weight > 0 {
            let index = Int(weight.bitPattern >> shift & 1023)
            counts[index] += 1
            masses[index] += Double(weight)
        }
    }

    /// The class in which the limit is met, adding the classes above it to `above`.
    private func descend(_ limit: Limit, from above: inout (count: Int, mass: Double)) -> Int {
        var lowest: Int?
        for index in (0..<Self.classCount).reversed() where counts[index] > 0 {
            if let passed = lowest {
                above.count += counts[passed]
                above.mass += masses[passed]
            }
            lowest = index
            let isMet =
                switch limit {
                case .count(let count): above.count + counts[index] >= count
                case .mass(let mass): above.mass + masses[index] >= mass
                }
            if isMet { return index }
        }
        // The limit is more than there is: keep all.
        guard let lowest else { preconditionFailure("no weight is above 0") }
        return lowest
    }
}

/// Which weights to keep: all above `weight`, and of those equal to it the `keptEquals` of lowest id.
struct Cutoff: Equatable {
    let weight: Float
    /// How many weights equal `weight`.
    let equals: Int
    let keptEquals: Int
    /// The sum of the weights above `weight`.
    let massAbove: Double

    /// The sum of the weights kept.
    var mass: Double { massAbove + Double(weight) * Double(keptEquals) }

    /// Sets the weights not kept to 0.
    func apply(to weights: UnsafeMutableBufferPointer<Float>) {
        let weight = weight
        for index in weights.indices { weights[index] = weights[index] >= weight ? weights[index] : 0 }
        guard keptEquals < equals else { return }
        var left = keptEquals
        for index in weights.indices where weights[index] == weight {
            if left == 0 { weights[index] = 0 } else { left -= 1 }
        }
    }
}
