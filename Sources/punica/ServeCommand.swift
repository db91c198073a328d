import AdapterExchange
import Adapters
import ArgumentParser
import Engine
import Foundation
import Frontend
import Logging
import Roles
import Server
import Serving

/// `serve`: frontend, scheduler and runner in one process.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve a model and its adapters over HTTP, as OpenAI's clients expect it."
    )

    @OptionGroup var model: ModelOptions
    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"
    @Option(help: "The port to listen on; 0 takes any free one.")
    var port = 8000
    @Option(help: "A key that clients must present; repeatable. Default: everybody may use the service.")
    var apiKey: [String] = []
    @Option(help: "A file with one API key a line.")
    var apiKeyFile: String?
    @Option(help: "The key of admin routes. Without one they answer on loopback addresses only.")
    var adminKey: String?
    @Option(help: "A port of their own for admin routes.")
    var adminPort: Int?
    @Option(help: "Most bytes of a request's body.")
    var bodyLimit = ByteSize(4 << 20)
    @Option(help: "Seconds that running answers may go on after SIGTERM.")
    var gracePeriod = 30.0
    @Option(
        help: "HOST:PORT of a cluster's scheduler: tokens come from its runners, and the model needs no weights here."
    )
    var scheduler: NetworkAddress?
    @Option(help: "With --scheduler: a directory where adapters are published by digest for the runners.")
    var publish: String?
    @OptionGroup var security: SecurityOptions
    @OptionGroup var log: LogOptions

    func validate() throws {
        for (name, value) in [("port", port), ("admin-port", adminPort ?? 0)] where !(0...65535).contains(value) {
            throw ValidationError("--\(name) is \(value), but must be 0 ... 65535")
        }
        guard (0...86400).contains(gracePeriod) else {
            throw ValidationError("--grace-period is \(gracePeriod), but must be 0 ... 86400 seconds")
        }
        guard publish == nil || scheduler != nil else {
            throw ValidationError("--publish goes with --scheduler: here the adapters are used where they are")
        }
    }

    func run() async throws {
        if let scheduler { try await serveCluster(scheduler) } else { try await serveHere() }
    }

    private func serveHere() async throws {
        let service = try await model.start()
        do {
            let snapshots = LocalSnapshots(
                frontend: service.frontend,
                adapters: service.adapters,
                runnerName: model.deviceName,
                maxBatch: service.engine.configuration.maxSequences
            )
            try await serve(service.frontend, adapters: service.adapters, snapshots: snapshots)
        } catch {
            await service.engine.stop()
            throw error
        }
        await service.engine.stop()
    }

    private func serveCluster(_ scheduler: NetworkAddress) async throws {
        let cluster = try await model.frontend(
            of: scheduler,
            security: security.security,
            publish: publish.map { DirectoryPublisher(origin: DirectoryOrigin(root: $0)) },
            logger: log.logger
        )
        let running = Task { await cluster.source.run() }
        defer { running.cancel() }
        let snapshots = RemoteSnapshots(frontend: cluster.frontend) { [source = cluster.source] in source.lastSnapshot }
        try await serve(cluster.frontend, adapters: cluster.adapters, snapshots: snapshots)
    }

    private func serve(
        _ frontend: Frontend,
        adapters: AdapterStore,
        snapshots: any SnapshotSource
    ) async throws {
        let server = Server(
            configuration: try serverConfiguration(),
            frontend: frontend,
            adapters: adapters,
            snapshots: snapshots,
            logger: log.logger
        )
        let greeting = Greeting(
            base: frontend.model.name,
            adapters: adapters.list(),
            host: host,
            needsKey: !apiKey.isEmpty || apiKeyFile != nil,
            adminPort: adminPort
        )
        try await server.run { port in greeting.print(port: port) }
    }

    private func serverConfiguration() throws -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.address = .init(host: host, port: port)
        configuration.adminAddress = adminPort.map { .init(host: host, port: $0) }
        configuration.apiKeys = apiKey + (try keysFromFile())
        configuration.adminKey = adminKey
        configuration.bodyLimit = bodyLimit.count
        configuration.gracePeriod = .seconds(gracePeriod)
        configuration.publishedAdapters = publish.map { DirectoryOrigin(root: $0) }
        return configuration
    }

    private func keysFromFile() throws -> [String] {
        guard let apiKeyFile else { return [] }
        let text = try String(contentsOfFile: apiKeyFile, encoding: .utf8)
        let keys = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty && !$0.hasPrefix("#") }
        guard !keys.isEmpty else { throw ValidationError("--api-key-file \(apiKeyFile) holds no key") }
        return keys
    }
}
