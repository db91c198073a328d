import Core

/// The books of a disk cache: what is there, how large, when it was last used, and who needs it. Pure.
struct DiskCacheLedger {
    private struct Entry {
        let byteCount: Int
        /// Rises with each use.
        var lastUse: Int
    }

    let budgetBytes: Int
    private(set) var usedBytes = 0
    private var entries: [AdapterDigest: Entry] = [:]
    /// How often each digest is held; what is held is not evicted, and may be held before it is there.
    private var holds: [AdapterDigest: Int] = [:]
    private var clock = 0

    init(budgetBytes: Int) {
        precondition(budgetBytes >= 0, "a budget of \(budgetBytes) bytes")
        self.budgetBytes = budgetBytes
    }

    var count: Int { entries.count }

    func contains(_ digest: AdapterDigest) -> Bool { entries[digest] != nil }

    /// Adds what there is room for, as the latest used.
    mutating func add(_ digest: AdapterDigest, byteCount: Int) {
        precondition(entries[digest] == nil, "\(digest) is there already")
        precondition(usedBytes + byteCount <= budgetBytes, "\(byteCount) bytes more than \(budgetBytes - usedBytes)")
        clock += 1
        entries[digest] = Entry(byteCount: byteCount, lastUse: clock)
        usedBytes += byteCount
    }

    /// Makes it the latest used.
    ///
    /// - Returns: whether it is there.
    mutating func use(_ digest: AdapterDigest) -> Bool {
        clock += 1
        guard entries[digest] != nil else { return false }
        entries[digest]?.lastUse = clock
        return true
    }

    mutating func remove(_ digest: AdapterDigest) {
        guard let entry = entries.removeValue(forKey: digest) else { return }
        usedBytes -= entry.byteCount
    }

    mutating func hold(_ digest: AdapterDigest) { holds[digest, default: 0] += 1 }

    mutating func letGo(_ digest: AdapterDigest) {
        guard let count = holds[digest] else { preconditionFailure("\(digest) is not held") }
        holds[digest] = count == 1 ? nil : count - 1
    }

    /// What to remove so that `byteCount` more bytes fit, the one unused longest first; nil if they cannot.
    func victims(toFit byteCount: Int) -> [AdapterDigest]? {
        var missing = usedBytes + byteCount - budgetBytes
        var victims: [AdapterDigest] = []
        for (digest, entry) in idle where missing > 0 {
            victims.append(digest)
            missing -= entry.byteCount
        }
        return missing > 0 ? nil : victims
    }

    /// Bytes that could be made free now.
    var availableBytes: Int { budgetBytes - usedBytes + idle.reduce(0) { $0 + $1.value.byteCount } }

    private var idle: [(key: AdapterDigest, value: Entry)] {
        entries.filter { holds[$0.key] == nil }.sorted { $0.value.lastUse < $1.value.lastUse }
    }

    /// Traps if the books do not balance; for tests.
    func checkInvariants() {
        precondition(usedBytes == entries.values.reduce(0) { $0 + $1.byteCount }, "bytes do not add up")
        precondition(usedBytes <= budgetBytes, "\(usedBytes) bytes of \(budgetBytes)")
        precondition(Set(entries.values.map(\.lastUse)).count == entries.count, "two entries were used at once")
        precondition(holds.values.allSatisfy { $0 > 0 }, "an empty hold")
    }
}
