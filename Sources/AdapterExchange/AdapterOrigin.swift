package import Core

/// Where adapters come from that this machine does not have.
package protocol AdapterOrigin: Sendable {
    /// Writes both files of an adapter into an empty directory.
    ///
    /// What is written is not trusted: whoever loads it compares the digest of what was read (`ExchangedAdapters`).
    /// After a failure the directory may hold anything; the caller removes it.
    func fetch(_ digest: AdapterDigest, into directory: String) async throws(AdapterExchangeError)
}
