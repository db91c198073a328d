package import Core

/// Adapters on this machine's disk within a byte budget, brought from an origin when they are asked for.
///
/// An adapter's directory appears under its final name when it is whole. What was unused longest goes first; what is
/// held (`withDirectory`) stays. The cache outlives the process: a new one finds what an earlier one left, in its order
/// of use. One process at a time uses a directory. Beside the budget the disk holds what is on its way.
package actor AdapterDiskCache {
    private let root: String
    private let origin: any AdapterOrigin
    private let lock: DirectoryLock
    private var ledger: DiskCacheLedger
    /// Fetches under way, each shared by everybody who asks for its digest.
    private var fetches: [AdapterDigest: Task<Result<Void, AdapterExchangeError>, Never>] = [:]
    private var fetchCount = 0

    /// - Parameter root: made if it is not there; what in it is not the cache's own is left alone.
    package init(root: String, budgetBytes: Int, origin: any AdapterOrigin) throws(AdapterExchangeError) {
        self.root = root
        self.origin = origin
        try AdapterDirectory.createAll(root)
        lock = try DirectoryLock(root)
        ledger = try DiskCacheFiles.recover(root: root, budgetBytes: budgetBytes)
    }

    /// The directory of an adapter, fetched first if it is not here.
    ///
    /// It stays until others need its room; `withDirectory` keeps it.
    package func directory(for digest: AdapterDigest) async throws(AdapterExchangeError) -> String {
        if !noteUse(of: digest) { try await (fetches[digest] ?? startFetch(digest)).value.get() }
        return path(digest)
    }

    /// Counts a use of an adapter that is here, also by those who have read it before.
    ///
    /// - Returns: whether it is here.
    @discardableResult
    package func noteUse(of digest: AdapterDigest) -> Bool {
        guard ledger.use(digest) else { return false }
        DiskCacheFiles.touch(path(digest))
        return true
    }

    /// The same, kept while `body` works with it.
    package func withDirectory<T: Sendable>(
        for digest: AdapterDigest,
        _ body: @Sendable (String) async -> T
    ) async throws(AdapterExchangeError) -> T {
        ledger.hold(digest)
        defer { ledger.letGo(digest) }
        return await body(try await directory(for: digest))
    }

    package func contains(_ digest: AdapterDigest) -> Bool { ledger.contains(digest) }

    package var usedBytes: Int { ledger.usedBytes }

    /// Removes what turned out not to be the adapter that it was fetched as.
    package func remove(_ digest: AdapterDigest) {
        guard ledger.contains(digest) else { return }
        ledger.remove(digest)
        AdapterDirectory.remove(path(digest))
    }

    /// Traps if the books do not balance; for tests.
    func checkInvariants() { ledger.checkInvariants() }

    private func startFetch(_ digest: AdapterDigest) -> Task<Result<Void, AdapterExchangeError>, Never> {
        fetchCount += 1
        let partial = "\(root)/\(DiskCacheFiles.partialPrefix)\(fetchCount)-\(digest.short)"
        let fetch = Task { [self] in
            let result = await bring(digest, by: partial)
            AdapterDirectory.remove(partial)
            fetches[digest] = nil
            return result
        }
        fetches[digest] = fetch
        return fetch
    }

    private func bring(_ digest: AdapterDigest, by partial: String) async -> Result<Void, AdapterExchangeError> {
        do throws(AdapterExchangeError) {
            try AdapterDirectory.create(partial)
            try await origin.fetch(digest, into: partial)
            try keep(digest, partial, byteCount: try AdapterDirectory.byteCount(partial))
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    private func keep(_ digest: AdapterDigest, _ partial: String, byteCount: Int) throws(AdapterExchangeError) {
        guard let victims = ledger.victims(toFit: byteCount) else {
            throw .cacheFull(needed: byteCount, available: ledger.availableBytes)
        }
        for victim in victims { remove(victim) }
        // What an earlier removal could not remove whole is not the adapter.
        AdapterDirectory.remove(path(digest))
        guard try AdapterDirectory.rename(partial, to: path(digest)) else {
            throw .system(operation: "rename", path: partial, reason: "\(digest.hex) is in the way")
        }
        ledger.add(digest, byteCount: byteCount)
    }

    private func path(_ digest: AdapterDigest) -> String { root + "/" + digest.hex }
}
