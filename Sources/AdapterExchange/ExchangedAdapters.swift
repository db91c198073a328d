package import Adapters
package import Core

/// Adapters of a runner: leased by digest, fetched, verified and registered when they are not here.
///
/// An adapter is registered in the store under its digest's hexadecimal digits. The digest is one of parsed content, so
/// it is compared when the files are read: what is not what was asked for is unregistered, removed from the cache, and
/// refused.
package actor ExchangedAdapters {
    private let cache: AdapterDiskCache
    private let store: AdapterStore
    /// Registrations under way, each shared by everybody who asks for its digest.
    private var registrations: [AdapterDigest: Task<Result<Void, AdapterExchangeError>, Never>] = [:]

    /// - Parameter store: accepts directories of the cache.
    package init(cache: AdapterDiskCache, store: AdapterStore) {
        self.cache = cache
        self.store = store
    }

    /// Whether the adapter came through this exchange.
    package func contains(_ digest: AdapterDigest) -> Bool { store.describe(name: digest.hex) != nil }

    /// Holds the adapter with this content in host memory.
    package func lease(_ digest: AdapterDigest) async throws(AdapterExchangeError) -> AdapterLease {
        let isResident = store.describe(name: digest.hex)?.tier == .host
        if isResident, case .success(let lease) = await storedLease(digest) {
            await cache.noteUse(of: digest)
            return lease
        }
        let wasCached = await cache.contains(digest)
        do throws(AdapterExchangeError) {
            return try await load(digest)
        } catch {
            // Files that lay in the cache may have been damaged since; the origin has the right ones.
            guard wasCached, error.blamesContent else { throw error }
            return try await load(digest)
        }
    }

    private func load(_ digest: AdapterDigest) async throws(AdapterExchangeError) -> AdapterLease {
        let result = try await cache.withDirectory(for: digest) { [self] in await registeredLease(digest, $0) }
        if case .failure(let error) = result, error.blamesContent { await discard(digest) }
        return try result.get()
    }

    private func registeredLease(
        _ digest: AdapterDigest,
        _ directory: String
    ) async -> Result<AdapterLease, AdapterExchangeError> {
        let registration = registrations[digest] ?? startRegistration(digest, directory)
        if case .failure(let error) = await registration.value { return .failure(error) }
        return await storedLease(digest)
    }

    private func startRegistration(
        _ digest: AdapterDigest,
        _ directory: String
    ) -> Task<Result<Void, AdapterExchangeError>, Never> {
        let registration = Task { [self] in
            let result = await register(digest, directory)
            registrations[digest] = nil
            return result
        }
        registrations[digest] = registration
        return registration
    }

    private func register(_ digest: AdapterDigest, _ directory: String) async -> Result<Void, AdapterExchangeError> {
        if store.describe(name: digest.hex) != nil { return .success(()) }
        do throws(AdapterError) {
            let found = try await store.register(name: digest.hex, directory: directory, replacing: .always).digest
            return found == digest ? .success(()) : .failure(.forged(digest: digest, found: found))
        } catch {
            return .failure(.adapter(error))
        }
    }

    private func storedLease(_ digest: AdapterDigest) async -> Result<AdapterLease, AdapterExchangeError> {
        do throws(AdapterError) {
            let lease = try await store.lease(name: digest.hex)
            let found = lease.adapter.digest
            return found == digest ? .success(lease) : .failure(.forged(digest: digest, found: found))
        } catch {
            return .failure(.adapter(error))
        }
    }

    private func discard(_ digest: AdapterDigest) async {
        // Not being registered is as good.
        try? store.unregister(name: digest.hex)
        await cache.remove(digest)
    }
}

extension AdapterExchangeError {
    /// Whether fetching again could give something else.
    fileprivate var blamesContent: Bool {
        switch self {
        case .forged: true
        case .adapter(let error):
            switch error {
            case .budgetExceeded, .outsideRoot, .invalidName, .nameTaken, .conflict: false
            default: true
            }
        default: false
        }
    }
}
