package import Adapters

/// Where names of adapters are resolved.
package protocol AdapterSource: Sendable {
    /// Holds the content that `name` means now, loading it if need be.
    func lease(name: String) async throws(AdapterError) -> AdapterLease
}

extension AdapterStore: AdapterSource {}
