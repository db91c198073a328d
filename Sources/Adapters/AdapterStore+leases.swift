package import Core

extension AdapterStore {
    /// Holds the content that a name has now, reading it first if it is not in memory.
    ///
    /// Requests for the same content share one read, and its failure.
    package func lease(name: String) async throws(AdapterError) -> AdapterLease {
        let start = try withLedger { [now] (ledger) throws(AdapterError) in try ledger.beginLease(name, now: now()) }
        return try await go(on: start, name)
    }

    /// The same for a content, under whichever name it has.
    package func lease(digest: AdapterDigest) async throws(AdapterError) -> AdapterLease {
        let (name, start) = try withLedger { [now] (ledger) throws(AdapterError) in
            try ledger.beginLease(digest: digest, now: now())
        }
        return try await go(on: start, name)
    }

    private func go(
        on start: AdapterLedger.LeaseStart,
        _ name: String
    ) async throws(AdapterError) -> AdapterLease {
        switch start {
        case .ready(let adapter):
            return lease(name, adapter)
        case .load(let digest, let directories):
            startLoad(digest, directories: directories)
            return try await waitForLoad(name, digest)
        case .join(let digest):
            return try await waitForLoad(name, digest)
        }
    }

    private func lease(_ name: String, _ adapter: LoadedAdapter) -> AdapterLease {
        AdapterLease(name: name, adapter: adapter) { [self, digest = adapter.digest] in release(digest) }
    }

    private func release(_ digest: AdapterDigest) { withBooks { $0.release(digest) } }

    private func waitForLoad(_ name: String, _ digest: AdapterDigest) async throws(AdapterError) -> AdapterLease {
        let result = await withCheckedContinuation { waiter in
            if let result = withBooks({ $0.wait(digest, waiter) }) { waiter.resume(returning: result) }
        }
        do throws(AdapterError) {
            return lease(name, try result.get())
        } catch {
            release(digest)
            throw error
        }
    }

    private func startLoad(_ digest: AdapterDigest, directories: [String]) {
        Task { [self] in
            let (result, duration) = await read(directories, expecting: digest)
            let until = now() + failureMemory
            let waiters = withBooks { $0.finishLoad(digest, result, duration: duration, failureUntil: until) }
            for waiter in waiters { waiter.resume(returning: result) }
        }
    }
}
