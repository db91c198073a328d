import Core

/// The store's bookkeeping: names, contents, bytes.
///
/// A value without threads, clocks or files; the time is passed in.
///
///     name ──alias──▶ digest ──entry──▶ adapter in memory, or nothing (tier `disk`), or a load under way
///
/// A content stays as long as a name or a hold needs it. `residentBytes + reservedBytes` never exceeds the budget.
struct AdapterLedger {
    typealias Waiter = CheckedContinuation<Result<LoadedAdapter, AdapterError>, Never>

    struct Alias: Sendable {
        let digest: AdapterDigest
        let directory: String
        var isPinned: Bool
    }

    struct Entry: Sendable {
        let summary: AdapterSummary
        let byteCount: Int
        var adapter: LoadedAdapter?
        /// A load is under way and `byteCount` bytes are reserved for it.
        var isLoading = false
        /// Leases, and requests that wait for one.
        var holds = 0
        /// The aliases of it.
        var names: Set<String> = []
        var pins = 0
        var waiting: [Waiter] = []
        /// Why the last load failed, for those who waited for it, and until when new requests are told so without
        /// another try; nil once the content was read.
        var failure: (error: AdapterError, until: ContinuousClock.Instant?)?
        var record = EvictionPolicy.Record()
        var hits = 0
        var loads = 0
        var evictions = 0
        var lastLoadDuration = Duration.zero
    }

    var aliases: [String: Alias] = [:]
    var entries: [AdapterDigest: Entry] = [:]
    var counters: AdapterStoreStatistics
    var policy = EvictionPolicy()
    /// What was let go of; the caller drops it after leaving the lock, since freeing memory takes time.
    var dropped: [LoadedAdapter] = []

    init(budgetBytes: Int) {
        counters = AdapterStoreStatistics()
        counters.budgetBytes = budgetBytes
    }

    /// Changes one entry, which must exist.
    mutating func update<T>(_ digest: AdapterDigest, _ body: (inout Entry) -> T) -> T {
        guard var entry = entries[digest] else { preconditionFailure("no entry for \(digest)") }
        // Taken out meanwhile, so that the entry is changed in place rather than copied.
        entries[digest] = nil
        defer { entries[digest] = entry }
        return body(&entry)
    }

    /// Evicts the least valuable idle adapters until `byteCount` bytes are free; evicts nothing if that cannot be.
    mutating func makeRoom(_ byteCount: Int) throws(AdapterError) {
        let free = counters.budgetBytes - counters.residentBytes - counters.reservedBytes
        guard byteCount > free else { return }
        var idle: [(digest: AdapterDigest, record: EvictionPolicy.Record)] = []
        var available = free
        for (digest, entry) in entries where entry.adapter != nil && entry.holds == 0 && entry.pins == 0 {
            idle.append((digest, entry.record))
            available += entry.byteCount
        }
        guard byteCount <= available else { throw .budgetExceeded(needed: byteCount, available: available) }
        idle.sort { EvictionPolicy.isWorthLess($0.record, $1.record) }
        for (digest, _) in idle {
            guard byteCount > counters.budgetBytes - counters.residentBytes - counters.reservedBytes else { return }
            evict(digest)
        }
    }

    private mutating func evict(_ digest: AdapterDigest) {
        drop(digest)
        counters.evictions += 1
        var policy = policy
        update(digest) { entry in
            entry.evictions += 1
            policy.evicted(&entry.record)
        }
        self.policy = policy
    }

    /// Lets go of a content's bytes.
    private mutating func drop(_ digest: AdapterDigest) {
        guard let entry = entries[digest], let adapter = entry.adapter else { return }
        dropped.append(adapter)
        counters.residentBytes -= entry.byteCount
        update(digest) { $0.adapter = nil }
    }

    /// Puts a loaded adapter into its entry; there must be room.
    mutating func fill(_ adapter: LoadedAdapter) {
        counters.residentBytes += adapter.byteCount
        update(adapter.digest) { $0.adapter = adapter }
    }

    /// Counts a successful load.
    mutating func countLoad(_ digest: AdapterDigest, duration: Duration) {
        counters.loads += 1
        counters.loadSeconds += duration.seconds
        update(digest) { entry in
            entry.loads += 1
            entry.lastLoadDuration = duration
            // Not forgotten: who waited for the load that failed may not have asked yet.
            entry.failure?.until = nil
        }
    }

    mutating func countUse(_ digest: AdapterDigest) {
        var policy = policy
        update(digest) { entry in
            policy.used(&entry.record, cost: entry.lastLoadDuration.seconds, byteCount: entry.byteCount)
        }
        self.policy = policy
    }

    /// Forgets a content that neither a name nor a hold needs.
    mutating func collect(_ digest: AdapterDigest) {
        guard let entry = entries[digest], entry.names.isEmpty, entry.holds == 0 else { return }
        drop(digest)
        entries[digest] = nil
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
