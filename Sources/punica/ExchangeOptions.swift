import AdapterExchange
import Adapters
import ArgumentParser
import AsyncHTTPClient
import Core
import Foundation
import Roles
import WebClients

/// Options that say where a runner has adapters from that it was not started with.
struct ExchangeOptions: ParsableArguments {
    @Option(help: "Where adapters are published by digest: a directory, or the URL of a frontend's /internal/adapters.")
    var adapterOrigin: String?
    @Option(help: "A file with the key that the origin's URL wants.")
    var adapterOriginKeyFile: String?
    @Option(help: "A directory of this runner's own for adapters that it fetched.")
    var adapterCache: String?
    @Option(help: "Most bytes of that directory.")
    var adapterCacheBytes = ByteSize(20 << 30)

    func validate() throws {
        guard (adapterOrigin == nil) == (adapterCache == nil) else {
            throw ValidationError("--adapter-origin and --adapter-cache go together")
        }
    }

    /// The adapters of a runner: those of its store, and those that it can fetch.
    func adapters(in store: AdapterStore) throws -> any RunnerAdapters {
        let stored = StoredAdapters(store: store)
        guard let adapterOrigin, let adapterCache else { return stored }
        let cache = try AdapterDiskCache(
            root: adapterCache,
            budgetBytes: adapterCacheBytes.count,
            origin: try origin(adapterOrigin)
        )
        return FetchedAdapters(stored: stored, exchanged: ExchangedAdapters(cache: cache, store: store))
    }

    /// The process's own: it is needed until the end.
    private static let client = HTTPOrigin.makeClient()

    private func origin(_ text: String) throws -> any AdapterOrigin {
        guard text.contains("://") else { return DirectoryOrigin(root: text) }
        let key = try adapterOriginKeyFile.map { try String(contentsOfFile: $0, encoding: .utf8) }
        return try HTTPOrigin(
            url: text,
            key: key?.trimmingCharacters(in: .whitespacesAndNewlines),
            client: Self.client
        )
    }
}

/// A runner's adapters: what it was started with first, then what it can fetch.
private struct FetchedAdapters: RunnerAdapters {
    let stored: StoredAdapters
    let exchanged: ExchangedAdapters

    func lease(_ digest: AdapterDigest) async throws -> AdapterLease {
        // What was fetched is in the store too, but the disk cache is to know that it is used.
        if await !exchanged.contains(digest), let lease = try? await stored.lease(digest) { return lease }
        return try await exchanged.lease(digest)
    }
}

/// Publishes a frontend's adapters into a directory.
struct DirectoryPublisher: AdapterPublisher {
    let origin: DirectoryOrigin

    func publish(_ adapter: LoadedAdapter, directory: String) async throws {
        try await origin.publish(directory: directory, digest: adapter.digest)
    }
}
