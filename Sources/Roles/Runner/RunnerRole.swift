package import Adapters
package import Cluster
import ClusterProtocol
package import Frontend
package import Logging

/// A process that has a GPU: generates tokens for frontends, and lets a scheduler decide for whom.
package struct RunnerRole: Sendable {
    package struct Options: Sendable {
        package var id: RunnerID
        package var scheduler: NetworkAddress
        package var listen: NetworkAddress
        /// Where frontends reach it; nil takes `listen`.
        package var advertised: NetworkAddress?
        /// The pool's name of the machine.
        package var machine: String?
        /// What the model is called; the same in all of the cluster.
        package var model: String
        package var security: ClusterSecurity
        package var timeouts = ClusterTimeouts()

        package init(
            id: RunnerID = RunnerID(.random(in: .min ... .max)),
            scheduler: NetworkAddress,
            listen: NetworkAddress,
            model: String,
            security: ClusterSecurity
        ) {
            self.id = id
            self.scheduler = scheduler
            self.listen = listen
            self.model = model
            self.security = security
        }
    }

    /// The engine's sizes as a scheduler needs them.
    package struct Sizes: Sendable {
        package var maxBatch: Int
        package var blockCount: Int
        package var blockSize: Int
        package var blockBytes: Int?
        package var vocabularySize: Int

        package init(maxBatch: Int, blockCount: Int, blockSize: Int, blockBytes: Int? = nil, vocabularySize: Int) {
            self.maxBatch = maxBatch
            self.blockCount = blockCount
            self.blockSize = blockSize
            self.blockBytes = blockBytes
            self.vocabularySize = vocabularySize
        }
    }

    private let options: Options
    private let sizes: Sizes
    private let source: any TokenSource
    private let store: AdapterStore?
    private let adapters: any RunnerAdapters
    private let logger: Logger
    private let open = OpenGenerations()
    private let isDraining = Flag()

    /// - Parameters:
    ///   - source: the engine.
    ///   - store: where resident adapters are seen; nil if there are none.
    package init(
        _ options: Options,
        sizes: Sizes,
        source: any TokenSource,
        store: AdapterStore?,
        adapters: any RunnerAdapters,
        logger: Logger
    ) {
        self.options = options
        self.sizes = sizes
        self.source = source
        self.store = store
        self.adapters = adapters
        self.logger = logger
    }

    /// Serves until the scheduler says stop, or the task is cancelled. The engine is left to the caller.
    ///
    /// - Parameter onListening: called with the address that frontends are told.
    package func run(onListening: @escaping @Sendable (NetworkAddress) -> Void = { _ in }) async throws {
        let service = RunnerService(
            id: options.id,
            source: source,
            vocabularySize: sizes.vocabularySize,
            adapters: adapters,
            open: open,
            security: options.security,
            timeouts: options.timeouts,
            logger: logger
        )
        let server = try await ClusterServer.start(
            on: options.listen,
            security: options.security,
            services: [service]
        )
        var address = options.advertised ?? server.address
        if address.port == 0 { address.port = server.address.port }
        onListening(address)
        await link(address).run()
        await server.stop()
    }

    /// Has the scheduler move everything away; `run` returns when that is done.
    package func drain() { isDraining.set() }

    package var id: RunnerID { options.id }

    private func link(_ address: NetworkAddress) -> RunnerLink {
        let reporter = RunnerReporter(source: source, store: store, open: open)
        return RunnerLink(
            scheduler: options.scheduler,
            security: options.security,
            timeouts: options.timeouts,
            logger: logger,
            description: RunnerDescription(
                id: options.id,
                maxBatch: sizes.maxBatch,
                blockCount: sizes.blockCount,
                blockSize: sizes.blockSize,
                blockBytes: sizes.blockBytes,
                machine: options.machine
            ),
            address: address.description,
            model: options.model,
            report: { reporter.report() },
            isDraining: isDraining,
            openCount: { [open] in open.count }
        )
    }
}
