/// Which pairs of tokens merge, in which order, and into what.
struct MergeTable: Sendable {
    /// Left id in the high half, right id in the low half; `empty` where free.
    ///
    /// A power of two of them, at most half full.
    private var keys: [UInt64]
    private var ranks: [UInt32]
    /// The token that the merge of a rank makes.
    private var results: [Int32] = []

    private static let empty = UInt64.max

    init(capacity: Int) {
        var size = 64
        while size < capacity * 2 { size *= 2 }
        keys = Array(repeating: Self.empty, count: size)
        ranks = Array(repeating: 0, count: size)
        results.reserveCapacity(capacity)
    }

    var count: Int { results.count }

    /// Adds the next merge; of a pair that is listed twice the later one counts.
    ///
    /// - Precondition: fewer merges than the capacity have been added.
    mutating func append(left: Int32, right: Int32, result: Int32) {
        precondition(results.count * 2 < keys.count, "merge table full at \(results.count)")
        let slot = find(left, right)
        keys[slot] = Self.key(left, right)
        ranks[slot] = UInt32(results.count)
        results.append(result)
    }

    /// How early the pair merges; nil where it does not.
    @inline(__always)
    func rank(left: Int32, right: Int32) -> UInt32? {
        let slot = find(left, right)
        return keys[slot] == Self.empty ? nil : ranks[slot]
    }

    func result(ofRank rank: UInt32) -> Int32 { results[Int(rank)] }

    @inline(__always)
    private func find(_ left: Int32, _ right: Int32) -> Int {
        let key = Self.key(left, right)
        // Multiplying spreads ids, which are small and dense, over the high bits.
        let mixed = key &* 0x9E37_79B9_7F4A_7C15
        var slot = Int(truncatingIfNeeded: mixed >> 32) & (keys.count - 1)
        while keys[slot] != key, keys[slot] != Self.empty { slot = (slot + 1) & (keys.count - 1) }
        return slot
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }
}
