package import Adapters
package import Core

/// Where a runner has its adapters from.
package protocol RunnerAdapters: Sendable {
    /// Holds the adapter with this content in host memory.
    func lease(_ digest: AdapterDigest) async throws -> AdapterLease
}

/// The adapters that a store has under any name, and nothing else.
package struct StoredAdapters: RunnerAdapters {
    private let store: AdapterStore

    package init(store: AdapterStore) { self.store = store }

    package func lease(_ digest: AdapterDigest) async throws -> AdapterLease { try await store.lease(digest: digest) }
}
