import Adapters
import ArgumentParser
import Engine
import Foundation
import Frontend
import Logging
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
    @Option(help: "How much to log: trace, debug, info, notice, warning, error, critical.")
    var logLevel = "notice"

    func validate() throws {
        for (name, value) in [("port", port), ("admin-port", adminPort ?? 0)] where !(0...65535).contains(value) {
            throw ValidationError("--\(name) is \(value), but must be 0 ... 65535")
        }
        guard (0...86400).contains(gracePeriod) else {
            throw ValidationError("--grace-period is \(gracePeriod), but must be 0 ... 86400 seconds")
        }
        guard Logger.Level(rawValue: logLevel) != nil else {
            throw ValidationError("--log-level is '\(logLevel)', but must be one of trace ... critical")
        }
    }

    func run() async throws {
        var logger = Logger(label: "punica") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = Logger.Level(rawValue: logLevel) ?? .notice
        let service = try await model.start()
        let server = Server(
            configuration: try serverConfiguration(),
            frontend: service.frontend,
            adapters: service.adapters,
            snapshots: LocalSnapshots(
                frontend: service.frontend,
                adapters: service.adapters,
                runnerName: model.deviceName,
                maxBatch: service.engine.configuration.maxSequences
            ),
            logger: logger
        )
        let greeting = Greeting(
            base: service.frontend.model.name,
            adapters: service.adapters.list(),
            host: host,
            needsKey: !apiKey.isEmpty || apiKeyFile != nil,
            adminPort: adminPort
        )
        do {
            try await server.run { port in greeting.print(port: port) }
        } catch {
            await service.engine.stop()
            throw error
        }
        await service.engine.stop()
    }

    private func serverConfiguration() throws -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.address = .init(host: host, port: port)
        configuration.adminAddress = adminPort.map { .init(host: host, port: $0) }
        configuration.apiKeys = apiKey + (try keysFromFile())
        configuration.adminKey = adminKey
        configuration.bodyLimit = bodyLimit.count
        configuration.gracePeriod = .seconds(gracePeriod)
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
