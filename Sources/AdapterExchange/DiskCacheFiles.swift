import Core

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What a disk cache leaves in its directory for the process that comes after it.
enum DiskCacheFiles {
    /// Directories of fetches that are under way.
    static let partialPrefix = ".partial-"

    /// Makes the books of what is there: the time of a directory tells when it was last used.
    ///
    /// Removed are fetches that were cut off, adapters that are not whole, and the ones unused longest if the budget has
    /// become smaller.
    static func recover(root: String, budgetBytes: Int) throws(AdapterExchangeError) -> DiskCacheLedger {
        var found: [(digest: AdapterDigest, byteCount: Int, time: timespec)] = []
        for name in try AdapterDirectory.names(in: root) {
            let path = root + "/" + name
            if name.hasPrefix(partialPrefix) { AdapterDirectory.remove(path) }
            guard let digest = AdapterDigest(hex: name), digest.hex == name else { continue }
            if let byteCount = try? AdapterDirectory.byteCount(path), byteCount <= budgetBytes {
                found.append((digest, byteCount, time(path)))
            } else {
                AdapterDirectory.remove(path)
            }
        }
        return ledger(of: found, root: root, budgetBytes: budgetBytes)
    }

    private static func ledger(
        of found: [(digest: AdapterDigest, byteCount: Int, time: timespec)],
        root: String,
        budgetBytes: Int
    ) -> DiskCacheLedger {
        var ledger = DiskCacheLedger(budgetBytes: budgetBytes)
        for item in found.sorted(by: { ($0.time.tv_sec, $0.time.tv_nsec) < ($1.time.tv_sec, $1.time.tv_nsec) }) {
            for victim in ledger.victims(toFit: item.byteCount) ?? [] {
                ledger.remove(victim)
                AdapterDirectory.remove(root + "/" + victim.hex)
            }
            ledger.add(item.digest, byteCount: item.byteCount)
        }
        return ledger
    }

    /// Notes that an adapter was used.
    static func touch(_ path: String) {
        // Failure only costs a place in the order of a later process.
        _ = utimensat(AT_FDCWD, path, nil, AT_SYMLINK_NOFOLLOW)
    }

    private static func time(_ path: String) -> timespec {
        var status = stat()
        guard lstat(path, &status) == 0 else { return timespec() }
        return status.st_mtim
    }
}
