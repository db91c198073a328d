internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import NIOCore

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

typealias ClusterClient = GRPCClient<HTTP2ClientTransport.Posix>

/// A server of some of the cluster's services, from when it listens.
struct ClusterServer: Sendable {
    let address: NetworkAddress
    private let server: GRPCServer<HTTP2ServerTransport.Posix>
    private let serving: Task<Void, any Error>

    /// - Returns: once the address is bound; `address.port` is then the real one.
    /// - Throws: `RoleError` for files that are no certificates or key, and where the address cannot be bound.
    static func start(
        on address: NetworkAddress,
        security: ClusterSecurity,
        services: [any RegistrableRPCService]
    ) async throws -> ClusterServer {
        let transport = HTTP2ServerTransport.Posix(
            address: try address.socketAddress(),
            transportSecurity: try security.server(),
            config: .defaults {
                // A peer that vanished without a word is noticed, and its requests end.
                $0.connection.keepalive.time = .seconds(10)
                $0.connection.keepalive.timeout = .seconds(5)
                $0.rpc.maxRequestPayloadSize = 64 << 20
            }
        )
        let server = GRPCServer(transport: transport, services: services)
        let serving = Task { try await server.serve() }
        let bound: GRPCNIOTransportCore.SocketAddress
        do {
            bound = try await transport.listeningAddress
        } catch {
            try await tellWhy(serving, address)
            throw error
        }
        let port = bound.ipv4?.port ?? bound.ipv6?.port ?? address.port
        return ClusterServer(
            address: NetworkAddress(host: address.host, port: port),
            server: server,
            serving: serving
        )
    }

    /// Why it cannot listen, rather than that it does not.
    private static func tellWhy(_ serving: Task<Void, any Error>, _ address: NetworkAddress) async throws {
        do {
            try await serving.value
        } catch let error as RuntimeError {
            guard let cause = error.cause as? IOError else { throw error }
            throw RoleError.cannotListen(
                address: address.description,
                reason: String(cString: strerror(cause.errnoCode))
            )
        }
    }

    /// Ends all calls at once.
    func stop() async {
        server.beginGracefulShutdown()
        serving.cancel()
        _ = await serving.result
    }
}

/// A client of one server, and the task that keeps its connection.
struct ClusterConnection: Sendable {
    let client: ClusterClient
    private let running: Task<Void, any Error>

    /// - Parameter server: whose certificate must come back.
    init(to address: NetworkAddress, server: PeerRole, security: ClusterSecurity) throws {
        let transport = try HTTP2ClientTransport.Posix(
            target: address.target,
            transportSecurity: try security.client(of: server),
            config: .defaults {
                $0.backoff = .init(initial: .milliseconds(100), max: .seconds(1), multiplier: 1.6, jitter: 0.2)
            }
        )
        let client = GRPCClient(transport: transport)
        self.client = client
        running = Task { try await client.runConnections() }
    }

    /// Ends all calls at once.
    func close() {
        client.beginGracefulShutdown()
        running.cancel()
    }
}

/// Runs `body`, and cancels it when it has not called `alive` for `silence`.
///
/// - Throws: `RPCError` with code `deadlineExceeded` after silence, else what `body` throws.
func withWatchdog<T: Sendable>(
    silence: Duration,
    _ body: @escaping @Sendable (_ watchdog: Watchdog) async throws -> T
) async throws -> T {
    let watchdog = Watchdog()
    return try await withThrowingTaskGroup(of: T?.self) { group in
        group.addTask { try await body(watchdog) }
        group.addTask {
            while watchdog.age < silence { try await Task.sleep(for: silence / 4) }
            throw RPCError(code: .deadlineExceeded, message: "nothing was heard for \(silence)")
        }
        defer { group.cancelAll() }
        guard let result = try await group.next(), let value = result else { throw CancellationError() }
        return value
    }
}
