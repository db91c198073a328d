package import Adapters
package import Frontend
import HTTPTypes
import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals

/// The HTTP face of Punica: OpenAI's routes, admin routes, metrics.
///
/// One process runs one.
package struct Server: Sendable {
    private let configuration: ServerConfiguration
    private let endpoints: Endpoints
    private let errors = ErrorCounts()
    private let answers = ActiveAnswers()
    private let monitor: DashboardMonitor
    private let logger: Logger

    /// - Parameter snapshots: what the dashboard shows.
    package init(
        configuration: ServerConfiguration,
        frontend: Frontend,
        adapters: AdapterStore,
        snapshots: any SnapshotSource,
        logger: Logger
    ) {
        self.configuration = configuration
        monitor = DashboardMonitor(source: snapshots)
        self.logger = logger
        let body = BodyReader(limit: configuration.bodyLimit, timeout: configuration.bodyTimeout)
        endpoints = Endpoints(
            generating: GeneratingEndpoint(
                frontend: frontend,
                answers: answers,
                failures: FailureLog(counts: errors),
                body: body,
                stallTimeout: configuration.stallTimeout
            ),
            tokenizing: TokenizeEndpoint(frontend: frontend, body: body),
            models: ModelsEndpoint(model: frontend.model, adapters: adapters),
            adapters: AdaptersEndpoint(store: adapters, body: body),
            published: PublishedAdaptersEndpoint(
                origin: configuration.publishedAdapters,
                stallTimeout: configuration.stallTimeout
            ),
            metrics: MetricsEndpoint(
                frontend: frontend,
                store: adapters,
                errors: errors,
                adapterSlots: configuration.adapterSlots
            ),
            dashboard: DashboardEndpoint(monitor: monitor),
            home: HomePage(model: frontend.model, adapters: adapters, needsKey: !configuration.apiKeys.isEmpty),
            answers: answers
        )
    }

    /// Listens until SIGTERM or SIGINT, then drains: `/ready` says 503, no new answers begin, running ones have the
    /// grace period to finish, and what is left is cut off.
    ///
    /// The engine is left to the caller.
    ///
    /// - Parameter onListening: called with the port of the public socket once it listens.
    /// - Throws: `ListenError` when a socket cannot listen.
    package func run(onListening: @escaping @Sendable (Int) async -> Void = { _ in }) async throws {
        try await serviceGroup(onListening: onListening).run()
    }

    /// What `run` runs; tests stop it themselves.
    func serviceGroup(onListening: @escaping @Sendable (Int) async -> Void) -> ServiceGroup {
        let drain = DrainService(answers: answers, grace: configuration.gracePeriod, logger: logger)
        let open = Listener(address: configuration.address, application: publicApplication(onListening: onListening))
        var services: [any Service] = [monitor, open]
        if let address = configuration.adminAddress {
            let admin = application(address, groups: [.open, .admin, .adminPage]) { _ in }
            services.append(Listener(address: address, application: admin))
        }
        // Stopped from the last to the first: answers drain while the sockets still listen.
        return ServiceGroup(
            configuration: .init(
                services: services + [drain],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
        )
    }

    /// The application of the public socket, also for tests.
    func publicApplication(
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> Application<Responder> {
        let all: Set<Endpoint.Group> = [.open, .api, .admin, .adminPage]
        let groups = configuration.adminAddress == nil ? all : [.open, .api]
        return application(configuration.address, groups: groups, onListening)
    }

    /// What happens first when the server is told to stop.
    func drain() async { await answers.drain(grace: configuration.gracePeriod) }

    private func application(
        _ address: ServerConfiguration.Address,
        groups: Set<Endpoint.Group>,
        _ onListening: @escaping @Sendable (Int) async -> Void
    ) -> Application<Responder> {
        let http = HTTP1Channel.Configuration(
            additionalChannelHandlers: [ConnectionWatch()],
            idleTimeout: TimeAmount(configuration.idleTimeout)
        )
        return Application(
            responder: Responder(
                endpoints: endpoints,
                access: AccessRules(configuration, address: address),
                failures: FailureLog(counts: errors),
                groups: groups
            ),
            server: .http1(configuration: http),
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port),
                serverName: "punica"
            ),
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? address.port) },
            logger: logger
        )
    }
}

/// Holds the sockets open while answers finish.
private struct DrainService: Service {
    let answers: ActiveAnswers
    let grace: Duration
    let logger: Logger

    func run() async throws {
        try await gracefulShutdown()
        logger.info("draining", metadata: ["answers": "\(answers.count)", "grace": "\(grace)"])
        await answers.drain(grace: grace)
    }
}
