/// Which idle adapter is worth least: greedy dual size with frequency (Cherkasova, HP Labs 98-69).
///
///     priority = age at last use + uses · reload cost / bytes
///
/// The age rises to the priority of whatever is evicted, so that what was popular long ago is caught up with; with equal
/// costs and sizes and one use each this is least recently used. An eviction halves the count of uses, which otherwise
/// lives on. A pure value: costs and sizes are passed in.
struct EvictionPolicy: Sendable, Equatable {
    /// What is known about one adapter.
    struct Record: Sendable, Equatable {
        /// Uses, halved at each eviction.
        fileprivate(set) var uses: Double = 0
        fileprivate(set) var priority: Double = 0
        /// Orders equal priorities: the earlier use goes first.
        fileprivate(set) var lastUse: UInt64 = 0
    }

    private(set) var age: Double = 0
    private var clock: UInt64 = 0

    /// Loads faster than this cost as much: below it the measurement is noise.
    private static let leastCost = 1e-4

    /// Notes a use.
    ///
    /// - Parameters:
    ///   - cost: seconds that loading took.
    ///   - byteCount: what keeping it takes; at least 1.
    mutating func used(_ record: inout Record, cost: Double, byteCount: Int) {
        clock += 1
        record.uses += 1
        record.lastUse = clock
        record.priority = age + record.uses * max(cost, Self.leastCost) / Double(max(byteCount, 1))
    }

    mutating func evicted(_ record: inout Record) {
        age = max(age, record.priority)
        record.uses /= 2
    }

    /// Whether the first is evicted before the second.
    static func isWorthLess(_ left: Record, _ right: Record) -> Bool {
        (left.priority, left.lastUse) < (right.priority, right.lastUse)
    }
}
