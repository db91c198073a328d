/// Hands out ranges of `0 ..< count`, first fit, and joins what comes back. A pure value.
struct RangeAllocator {
    let count: Int
    /// Ascending, apart from each other, none empty.
    private(set) var free: [Range<Int>]

    init(count: Int) {
        self.count = count
        free = count > 0 ? [0..<count] : []
    }

    var freeCount: Int { free.reduce(0) { $0 + $1.count } }

    /// - Returns: nil when no gap is long enough.
    mutating func take(_ length: Int) -> Range<Int>? {
        guard length > 0, let gap = free.firstIndex(where: { $0.count >= length }) else { return nil }
        let start = free[gap].lowerBound
        let rest = start + length..<free[gap].upperBound
        if rest.isEmpty { free.remove(at: gap) } else { free[gap] = rest }
        return start..<start + length
    }

    mutating func give(back range: Range<Int>) {
        let place = free.firstIndex { $0.lowerBound >= range.upperBound } ?? free.count
        precondition(place == 0 || free[place - 1].upperBound <= range.lowerBound, "\(range) is free already")
        var joined = range
        var replaced = place..<place
        if place < free.count, free[place].lowerBound == range.upperBound {
            joined = joined.lowerBound..<free[place].upperBound
            replaced = place..<place + 1
        }
        if place > 0, free[place - 1].upperBound == range.lowerBound {
            joined = free[place - 1].lowerBound..<joined.upperBound
            replaced = place - 1..<replaced.upperBound
        }
        free.replaceSubrange(replaced, with: [joined])
    }

    /// Traps unless the gaps are in order and apart.
    func checkInvariants() {
        precondition(free.allSatisfy { !$0.isEmpty && $0.lowerBound >= 0 && $0.upperBound <= count })
        precondition(zip(free, free.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound }, "gaps touch: \(free)")
    }
}
