/// The symbols of one piece while they merge: a linked list in arrays, and a heap of the merges to come.
///
/// Merging n symbols takes O(n log n) whatever they are.
struct BytePairWord {
    private var ids: [Int32] = []
    private var previous: [Int32] = []
    private var next: [Int32] = []
    /// Rank of the merge of a symbol with its successor, `none` without one; tells stale heap entries.
    private var ranks: [UInt32] = []
    /// Candidates as rank << 32 | position, so that the earliest merge, leftmost first, is the least number.
    private var heap = MinimumHeap()

    private static let none = UInt32.max

    mutating func removeAll() {
        ids.removeAll(keepingCapacity: true)
    }

    mutating func append(_ id: Int32) { ids.append(id) }

    /// Merges until no pair of neighbours is listed.
    mutating func merge(by merges: MergeTable) {
        guard ids.count > 1 else { return }
        link()
        for position in 0..<ids.count - 1 { offer(position, merges) }
        while let top = heap.popMinimum() {
            let position = Int(top & 0xFFFF_FFFF)
            let rank = UInt32(truncatingIfNeeded: top >> 32)
            guard ranks[position] == rank else { continue }
            join(position, into: merges.result(ofRank: rank), merges)
        }
    }

    /// Appends the ids that are left, in order.
    func appendTokens(to output: inout [Int32]) {
        for id in ids where id >= 0 { output.append(id) }
    }

    private mutating func link() {
        let count = ids.count
        previous.removeAll(keepingCapacity: true)
        next.removeAll(keepingCapacity: true)
        ranks.removeAll(keepingCapacity: true)
        for position in 0..<count {
            previous.append(Int32(position) - 1)
            next.append(position + 1 < count ? Int32(position) + 1 : -1)
            ranks.append(Self.none)
        }
    }

    /// Looks up the merge of a symbol with its successor and queues it.
    private mutating func offer(_ position: Int, _ merges: MergeTable) {
        ranks[position] = Self.none
        let follower = next[position]
        guard follower >= 0, let rank = merges.rank(left: ids[position], right: ids[Int(follower)]) else { return }
        ranks[position] = rank
        heap.insert(UInt64(rank) << 32 | UInt64(position))
    }

    private mutating func join(_ position: Int, into result: Int32, _ merges: MergeTable) {
        let absorbed = Int(next[position])
        ids[position] = result
        ids[absorbed] = -1
        ranks[absorbed] = Self.none
        next[position] = next[absorbed]
        if next[position] >= 0 { previous[Int(next[position])] = Int32(position) }
        offer(position, merges)
        if previous[position] >= 0 { offer(Int(previous[position]), merges) }
    }
}

/// A binary heap of numbers, least first.
struct MinimumHeap {
    private var items: [UInt64] = []

    mutating func insert(_ item: UInt64) {
        items.append(item)
        var child = items.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard items[parent] > item else { break }
            items[child] = items[parent]
            child = parent
        }
        items[child] = item
    }

    mutating func popMinimum() -> UInt64? {
        guard let last = items.popLast() else { return nil }
        guard let top = items.first else { return last }
        var hole = 0
        while true {
            var child = 2 * hole + 1
            guard child < items.count else { break }
            if child + 1 < items.count, items[child + 1] < items[child] { child += 1 }
            guard items[child] < last else { break }
            items[hole] = items[child]
            hole = child
        }
        items[hole] = last
        return top
    }
}
