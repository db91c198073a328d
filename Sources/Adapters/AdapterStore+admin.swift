extension AdapterStore {
    /// Keeps a name's content in memory whatever happens, reading it first if need be.
    package func pin(name: String) async throws(AdapterError) {
        // The lease keeps the content resident until the pin does.
        let lease = try await lease(name: name)
        let digest = lease.adapter.digest
        try withLedger { (ledger) throws(AdapterError) in
            guard let alias = ledger.aliases[name] else { throw .unknownAdapter(name: name) }
            guard alias.digest == digest else { throw .conflict(name: name, expected: digest, found: alias.digest) }
            ledger.setPinned(name, true)
        }
        withExtendedLifetime(lease) {}
    }

    /// Lets a name's content be evicted again when it is idle.
    package func unpin(name: String) throws(AdapterError) {
        try withLedger { (ledger) throws(AdapterError) in
            guard ledger.aliases[name] != nil else { throw .unknownAdapter(name: name) }
            ledger.setPinned(name, false)
        }
    }

    /// Every name, sorted.
    package func list() -> [AdapterDescription] {
        let adapters = withBooks { ledger in ledger.aliases.map { ledger.describe($0.key, $0.value) } }
        // Outside the lock, which requests wait for.
        return adapters.sorted { $0.name < $1.name }
    }

    /// The names most in use: held by most requests, then in memory, then most often asked for.
    ///
    /// Unlike `list` it holds nobody up with thousands of names.
    ///
    /// - Returns: at most `count` of them, and how many names there are.
    package func busiest(_ count: Int) -> (adapters: [AdapterDescription], total: Int) {
        let ranked = withBooks { ledger in ledger.aliases.map { (name: $0.key, rank: ledger.rank($0.value)) } }
        // Outside the lock, which requests wait for.
        let first = ranked.sorted { left, right in
            left.rank == right.rank ? left.name < right.name : left.rank > right.rank
        }
        let shown = withBooks { ledger in
            first.prefix(max(0, count)).compactMap { ranked in
                ledger.aliases[ranked.name].map { ledger.describe(ranked.name, $0) }
            }
        }
        return (shown, ranked.count)
    }

    /// One name; nil if it is not registered.
    package func describe(name: String) -> AdapterDescription? {
        withBooks { ledger in ledger.aliases[name].map { ledger.describe(name, $0) } }
    }

    package var statistics: AdapterStoreStatistics {
        withBooks { ledger in
            var statistics = ledger.counters
            statistics.nameCount = ledger.aliases.count
            statistics.residentCount = ledger.entries.values.count { $0.adapter != nil }
            return statistics
        }
    }

    /// Traps if the books do not balance; for tests and debug builds.
    package func checkInvariants() { withBooks { $0.checkInvariants() } }
}

extension AdapterLedger {
    /// Grows with how much a name's content is in use.
    func rank(_ alias: Alias) -> (holds: Int, residency: Int, hits: Int) {
        guard let entry = entries[alias.digest] else { preconditionFailure("no entry for \(alias.digest)") }
        return (entry.holds, entry.adapter == nil ? 0 : 1, entry.hits)
    }

    func describe(_ name: String, _ alias: Alias) -> AdapterDescription {
        guard let entry = entries[alias.digest] else { preconditionFailure("no entry for \(name)") }
        return AdapterDescription(
            name: name,
            digest: alias.digest,
            directory: alias.directory,
            summary: entry.summary,
            byteCount: entry.byteCount,
            tier: entry.adapter == nil ? .disk : .host,
            isPinned: alias.isPinned,
            leases: entry.holds,
            hits: entry.hits,
            loads: entry.loads,
            evictions: entry.evictions,
            lastLoadDuration: entry.lastLoadDuration
        )
    }
}
