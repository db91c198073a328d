import ArgumentParser
import Cluster
import Engine
import Frontend
import Logging
import Roles
import Serving
import Weights

/// `runner`: a process of a cluster that has a GPU and generates tokens.
struct RunnerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runner",
        abstract: "Generate tokens for the frontends of a cluster."
    )

    @OptionGroup var model: ModelOptions
    @OptionGroup var exchange: ExchangeOptions
    @Option(help: "Where the scheduler listens, HOST:PORT.")
    var scheduler: NetworkAddress
    @Option(help: "Where to listen for frontends, HOST:PORT; port 0 takes any free one.")
    var listen = NetworkAddress(host: "127.0.0.1", port: 0)
    @Option(help: "Where frontends reach this runner, if not where it listens.")
    var advertise: NetworkAddress?
    @Option(help: "The runner's id, a UUID. Default: the certificate's, else one by chance.")
    var id: RunnerID?
    @Option(help: "What the pool that started this runner calls its machine.")
    var machine: String?
    @Option(help: "Seconds that moving everything away may take after SIGTERM.")
    var gracePeriod = 30.0
    @OptionGroup var security: SecurityOptions
    @OptionGroup var log: LogOptions

    func validate() throws {
        guard (0...86400).contains(gracePeriod) else {
            throw ValidationError("--grace-period is \(gracePeriod), but must be 0 ... 86400 seconds")
        }
    }

    func run() async throws {
        let security = try security.security(listeningOn: listen)
        let id = try runnerID(security)
        let service = try await model.start()
        var options = RunnerRole.Options(
            id: id,
            scheduler: scheduler,
            listen: listen,
            model: try service.modelSignature(),
            security: security
        )
        options.advertised = advertise
        options.machine = machine
        let role = RunnerRole(
            options,
            sizes: service.runnerSizes(backend: model.backend),
            source: service.engine,
            store: service.adapters,
            adapters: try exchange.adapters(in: service.adapters),
            logger: log.logger
        )
        do {
            try await serve(role)
        } catch {
            await service.engine.stop()
            throw error
        }
        await service.engine.stop()
    }

    private func serve(_ role: RunnerRole) async throws {
        let grace = Duration.seconds(gracePeriod)
        let serving = Task {
            try await role.run { address in printLine("runner \(role.id) listens on \(address)") }
        }
        let leave: @Sendable () -> Void = {
            role.drain()
            Task {
                try await Task.sleep(for: grace)
                serving.cancel()
            }
        }
        try await untilSignal(leave) {
            try await withTaskCancellationHandler {
                try await serving.value
            } onCancel: {
                serving.cancel()
            }
        }
    }

    private func runnerID(_ security: ClusterSecurity) throws -> RunnerID {
        guard let role = try security.ownRole() else { return id ?? RunnerID(.random(in: .min ... .max)) }
        guard case .runner(let named) = role else {
            throw ValidationError("the certificate is \(role)'s, but a runner needs one of punica://runner/UUID")
        }
        guard id == nil || id == named else { throw ValidationError("--id is not the certificate's, \(named)") }
        return named
    }
}

extension LocalService {
    /// What runners of one cluster have alike, so that an answer goes on elsewhere as it would have gone on here.
    fileprivate func modelSignature() throws -> String {
        let sizes = model.configuration
        return "\(sizes.layerCount) layers of \(sizes.hiddenSize), \(sizes.vocabularySize) tokens, at most "
            + "\(engine.configuration.maxSequenceLength) at once, weights \(try model.fingerprint())"
    }

    fileprivate func runnerSizes(backend: BackendKind) -> RunnerRole.Sizes {
        let engine = engine.configuration
        let numbers = 2 * model.configuration.layerCount * model.configuration.keyValueHeadCount
        return RunnerRole.Sizes(
            maxBatch: engine.maxSequences,
            blockCount: engine.blockCount,
            blockSize: engine.blockSize,
            // On a GPU adapters lie among keys and values, of two bytes each.
            blockBytes: backend == .cuda ? 2 * numbers * model.configuration.headSize * engine.blockSize : nil,
            vocabularySize: self.engine.vocabularySize
        )
    }
}
