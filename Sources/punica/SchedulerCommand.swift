import ArgumentParser
import Cluster
import Logging
import Provisioning
import Roles

/// `scheduler`: the one process of a cluster that decides where requests run.
struct SchedulerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scheduler",
        abstract: "Decide where the requests of a cluster run."
    )

    @Option(help: "Where to listen, HOST:PORT.")
    var listen = NetworkAddress(host: "127.0.0.1", port: 8100)
    @Option(help: "How requests are placed: \(PlacementPolicies.names.joined(separator: ", ")).")
    var policy = PaperPolicy().name
    @Option(help: "Seconds between passes that gather requests on fewer runners; 0 gathers none.")
    var consolidation = 5.0
    @Option(
        help: "Tokens a second that a runner prefills beside its batch: what a moved request costs is reckoned by it."
    )
    var prefillRate = 8000.0
    @Option(help: "Most moves of one request to gather or for memory.")
    var maxMoves = 2
    @OptionGroup var pool: PoolOptions
    @OptionGroup var security: SecurityOptions
    @OptionGroup var log: LogOptions

    func validate() throws {
        guard PlacementPolicies.named(policy) != nil else {
            let names = PlacementPolicies.names.joined(separator: ", ")
            throw ValidationError("--policy is '\(policy)', but must be one of \(names)")
        }
        guard (0...86400).contains(consolidation) else {
            throw ValidationError("--consolidation is \(consolidation), but must be 0 ... 86400 seconds")
        }
        guard (1...1e9).contains(prefillRate) else {
            throw ValidationError("--prefill-rate is \(prefillRate), but must be 1 ... 1e9 tokens a second")
        }
        guard (0...1000).contains(maxMoves) else {
            throw ValidationError("--max-moves is \(maxMoves), but must be 0 ... 1000")
        }
    }

    func run() async throws {
        let opened = try pool.open(listen: listen)
        var options = SchedulerRole.Options(
            listen: listen,
            security: try security.security(listeningOn: listen),
            configuration: clusterConfiguration(maxRunners: opened?.size)
        )
        let (ended, end) = AsyncStream.makeStream(of: String.self)
        options.machines = opened.map { MachineKeeper($0.pool, ended: ended, logger: log.logger) }
        let role = SchedulerRole(options, logger: log.logger)
        let watching = opened.map { opened in
            Task { [logger = log.logger] in
                await PoolWatch.run(opened.pool, every: .seconds(5)) { change in
                    logger.notice("\(change)")
                    if let machine = change.endedMachine { end.yield(machine) }
                }
            }
        }
        let serving = Task {
            try await role.run { address in printLine("the scheduler listens on \(address)") }
        }
        try await untilSignal({ serving.cancel() }) { try await serving.value }
        watching?.cancel()
        try await opened?.close()
    }

    private func clusterConfiguration(maxRunners: Int?) -> ClusterConfiguration {
        let gathering = ClusterConfiguration.Consolidation(
            period: .seconds(consolidation),
            cost: ResumeCost(prefillRate: prefillRate)
        )
        return ClusterConfiguration(
            policy: PlacementPolicies.named(policy) ?? PaperPolicy(),
            consolidation: consolidation == 0 ? nil : gathering,
            scaling: maxRunners.map(pool.scaling),
            maxMoves: maxMoves
        )
    }
}
