package import Adapters
import Core
package import Frontend
package import Logging
import Serving
import Synchronization
import Weights

/// A frontend of a cluster: names and text here, tokens from runners.
package struct ClusterFrontend: Sendable {
    package struct Options: Sendable {
        package var scheduler: NetworkAddress
        package var security: ClusterSecurity
        /// Names that mean the bare base; empty takes the model directory's own.
        package var servedNames: [String] = []
        /// Longest prompt and answer together; nil takes the model's own bound.
        package var maxSequenceLength: Int?
        package var maxWaiting = 1024
        /// Adapters may only be named from below this directory; nil allows all.
        package var adapterRoot: String?
        package var timeouts = ClusterTimeouts()

        package init(scheduler: NetworkAddress, security: ClusterSecurity) {
            self.scheduler = scheduler
            self.security = security
        }
    }

    package let source: ClusterSource
    package let adapters: AdapterStore
    package let frontend: Frontend

    /// Reads the model's text and sizes; its weights need not be there. `source.run()` then keeps it going.
    ///
    /// - Parameter publish: makes an adapter's content available to runners; called with a lease before its first use.
    package init(
        model path: String,
        options: Options,
        publish: (any AdapterPublisher)? = nil,
        logger: Logger
    ) throws {
        let model = try ModelDirectory(path: path, loadFormat: nil)
        let length = options.maxSequenceLength ?? model.configuration.maxPositions
        guard (2...model.configuration.maxPositions).contains(length) else {
            let bound = "2 ... \(model.configuration.maxPositions), the model's own bound"
            throw ServingError.outOfBounds(option: "--max-model-len", value: "\(length)", bound: bound)
        }
        let served = model.servedModel(names: options.servedNames, contextLength: length)
        // Nothing is kept but descriptions, which stand for the whole sizes that runners need.
        adapters = try AdapterStore(
            model: model.configuration,
            base: nil,
            budgetBytes: .max,
            root: options.adapterRoot,
            reservedNames: Set(served.names)
        )
        source = ClusterSource(
            scheduler: options.scheduler,
            security: options.security,
            maxWaiting: options.maxWaiting,
            timeouts: options.timeouts,
            logger: logger
        )
        if let publish {
            let published = PublishedAdapters(store: adapters, publisher: publish)
            frontend = Frontend(model: served, source: source, adapters: published)
        } else {
            frontend = Frontend(model: served, source: source, adapters: adapters)
        }
    }
}

/// Makes adapters available to runners.
package protocol AdapterPublisher: Sendable {
    /// - Parameter directory: where the content lies.
    func publish(_ adapter: LoadedAdapter, directory: String) async throws
}

/// Adapters that are published before they are first used.
struct PublishedAdapters: AdapterSource {
    let store: AdapterStore
    let publisher: any AdapterPublisher
    private let published = PublishedDigests()

    init(store: AdapterStore, publisher: any AdapterPublisher) {
        self.store = store
        self.publisher = publisher
    }

    func lease(name: String) async throws(AdapterError) -> AdapterLease {
        let lease = try await store.lease(name: name)
        guard !published.contains(lease.adapter.digest) else { return lease }
        guard let directory = store.describe(name: name)?.directory else { throw .unknownAdapter(name: name) }
        do {
            try await publisher.publish(lease.adapter, directory: directory)
        } catch {
            throw .unavailable(name: name, reason: "\(error)")
        }
        published.insert(lease.adapter.digest)
        return lease
    }
}

/// What this process has published; requests for the same adapter at the same time may do it twice, to the same end.
private final class PublishedDigests: Sendable {
    private let digests = Mutex<Set<AdapterDigest>>([])

    func contains(_ digest: AdapterDigest) -> Bool { digests.withLock { $0.contains(digest) } }
    func insert(_ digest: AdapterDigest) { digests.withLock { _ = $0.insert(digest) } }
}
