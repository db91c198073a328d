import Core

extension AdapterLedger {
    /// How a lease goes on.
    ///
    /// In every case a hold is taken, which `release` gives back.
    enum LeaseStart: Sendable {
        case ready(LoadedAdapter)
        /// The caller must load, then report to `finishLoad`; directories are tried in order.
        case load(AdapterDigest, directories: [String])
        /// Somebody else is loading it.
        case join(AdapterDigest)
    }

    mutating func beginLease(_ name: String, now: ContinuousClock.Instant) throws(AdapterError) -> LeaseStart {
        guard let alias = aliases[name] else { throw .unknownAdapter(name: name) }
        let digest = alias.digest
        guard let entry = entries[digest] else { preconditionFailure("no entry for \(name)") }
        if let adapter = entry.adapter {
            counters.hits += 1
            counters.hitsByName.add(name)
            hold(digest)
            update(digest) { $0.hits += 1 }
            return .ready(adapter)
        }
        counters.misses += 1
        if entry.isLoading {
            hold(digest)
            return .join(digest)
        }
        if let failure = entry.failure, let until = failure.until, now < until { throw failure.error }
        try makeRoom(entry.byteCount)
        counters.reservedBytes += entry.byteCount
        update(digest) { $0.isLoading = true }
        hold(digest)
        return .load(digest, directories: directories(of: digest, first: alias.directory))
    }

    /// The same for a content under any of its names, which is told.
    mutating func beginLease(
        digest: AdapterDigest,
        now: ContinuousClock.Instant
    ) throws(AdapterError) -> (name: String, start: LeaseStart) {
        guard let name = entries[digest]?.names.min() else { throw .unknownAdapter(name: digest.hex) }
        return (name, try beginLease(name, now: now))
    }

    private mutating func hold(_ digest: AdapterDigest) {
        counters.leaseCount += 1
        update(digest) { $0.holds += 1 }
        countUse(digest)
    }

    /// Every directory that a content was registered from, each once.
    private func directories(of digest: AdapterDigest, first: String) -> [String] {
        let others = aliases.values.filter { $0.digest == digest && $0.directory != first }.map(\.directory)
        return [first] + Set(others).sorted()
    }

    /// Waits for a load, or returns its outcome if it is over.
    mutating func wait(_ digest: AdapterDigest, _ waiter: Waiter) -> Result<LoadedAdapter, AdapterError>? {
        update(digest) { entry in
            if let adapter = entry.adapter { return .success(adapter) }
            if !entry.isLoading, let failure = entry.failure { return .failure(failure.error) }
            precondition(entry.isLoading, "nobody loads \(digest)")
            entry.waiting.append(waiter)
            return nil
        }
    }

    /// Ends a load; returns who waits for its outcome.
    mutating func finishLoad(
        _ digest: AdapterDigest,
        _ result: Result<LoadedAdapter, AdapterError>,
        duration: Duration,
        failureUntil: ContinuousClock.Instant
    ) -> [Waiter] {
        // The entry is gone or filled if the same content was registered meanwhile.
        guard entries[digest]?.isLoading == true else { return [] }
        cancelReservation(digest)
        switch result {
        case .success(let adapter):
            fill(adapter)
            countLoad(digest, duration: duration)
        case .failure(let error):
            counters.failedLoads += 1
            update(digest) { $0.failure = (error, failureUntil) }
        }
        return update(digest) { entry in
            defer { entry.waiting = [] }
            return entry.waiting
        }
    }

    mutating func cancelReservation(_ digest: AdapterDigest) {
        counters.reservedBytes -= update(digest) { entry in
            entry.isLoading = false
            return entry.byteCount
        }
    }

    /// Gives a hold back.
    mutating func release(_ digest: AdapterDigest) {
        counters.leaseCount -= 1
        update(digest) { $0.holds -= 1 }
        collect(digest)
    }
}
