import ArgumentParser
import Cluster
import Foundation
import Provisioning
import Roles
import WebClients

/// A pool that a scheduler has opened.
struct OpenedPool: Sendable {
    let pool: any GPUPool
    /// Most machines.
    let size: Int
    /// What is to be done when the scheduler stops.
    let close: @Sendable () async throws -> Void
}

/// Options that say where the scheduler's machines come from.
struct PoolOptions: ParsableArguments {
    enum Kind: String, ExpressibleByArgument, CaseIterable { case none, local, slurm, kubernetes }

    @Option(help: "Where machines come from: none (runners come by themselves), local, slurm, kubernetes.")
    var pool = Kind.none
    @Option(help: "Most machines. Default with local: one for each GPU.")
    var poolSize: Int?
    @Option(help: "Fewest runners to keep.")
    var poolMin = 1
    @Option(help: "Lightly loaded runners to have in hand; with fewer, a machine is asked for.")
    var poolSpare = 1
    @Option(help: "Seconds that a runner must be idle before its machine is given back.")
    var poolGrace = 60.0
    @Option(help: "Begins the names of the machines: two clusters on one machine or under one Slurm must differ.")
    var poolService = "punica"
    @Option(help: "A directory for what each runner prints, with Slurm one that all machines see.")
    var poolLogDirectory: String?
    @Option(help: "The program that machines run. Default: this one's path.")
    var poolExecutable: String?
    @Option(help: "Where runners of the pool reach this scheduler, HOST:PORT, if not where it listens.")
    var advertise: NetworkAddress?
    @Option(help: "Slurm's partition.")
    var slurmPartition: String?
    @Option(help: "How long a job may run, as sbatch takes it.")
    var slurmTime: String?
    @Option(help: "An option that sbatch is given as it is; repeatable.")
    var slurmOption: [String] = []
    @Option(help: "The StatefulSet whose pods are runners.")
    var kubernetesStatefulSet = "punica-runner"
    @Option(help: "Its namespace. Default: this pod's own.")
    var kubernetesNamespace: String?
    @Argument(parsing: .postTerminator, help: "Options of the pool's runners, after --.")
    var runnerOptions: [String] = []

    func validate() throws {
        let bounds: [(String, Int, ClosedRange<Int>)] = [
            ("pool-size", poolSize ?? 1, 1...100_000), ("pool-min", poolMin, 0...100_000),
            ("pool-spare", poolSpare, 0...100_000),
        ]
        for (name, value, bound) in bounds where !bound.contains(value) {
            throw ValidationError("--\(name) is \(value), but must be \(bound.lowerBound) ... \(bound.upperBound)")
        }
        guard (0...86400).contains(poolGrace) else {
            throw ValidationError("--pool-grace is \(poolGrace), but must be 0 ... 86400 seconds")
        }
        guard poolSize != nil || pool == .none || pool == .local else {
            throw ValidationError("--pool \(pool.rawValue) needs --pool-size")
        }
        guard runnerOptions.isEmpty || pool == .local || pool == .slurm else {
            throw ValidationError("options of runners go with --pool local and --pool slurm")
        }
    }

    /// When machines are asked for and given back; nil without a pool.
    func scaling(maxRunners: Int) -> ClusterConfiguration.Scaling {
        ClusterConfiguration.Scaling(
            minRunners: poolMin,
            maxRunners: maxRunners,
            spareRunners: poolSpare,
            grace: .seconds(poolGrace),
            // Longer than the longest pause between two attempts of a runner to reach its scheduler.
            start: .seconds(2)
        )
    }

    /// The pool; nil without one.
    ///
    /// - Parameter listen: where the scheduler listens.
    func open(listen: NetworkAddress) throws -> OpenedPool? {
        switch pool {
        case .none: return nil
        case .local:
            let configuration = try localConfiguration(listen)
            let pool = LocalPool(configuration)
            // Runners of this machine are this program's own; those of other pools wait for the next scheduler.
            return OpenedPool(pool: pool, size: configuration.slots.count) { try await pool.releaseAll() }
        case .slurm:
            let configuration = try slurmConfiguration(listen)
            return OpenedPool(pool: SlurmPool(configuration), size: configuration.maxJobs) {}
        case .kubernetes:
            let configuration = try KubernetesConfiguration(
                namespace: kubernetesNamespace ?? KubernetesClient.namespace(),
                statefulSet: kubernetesStatefulSet,
                maxReplicas: poolSize ?? 1
            )
            let client = try KubernetesClient.inCluster(environment: ProcessInfo.processInfo.environment)
            let pool = KubernetesPool(configuration, transport: client)
            return OpenedPool(pool: pool, size: configuration.maxReplicas) { await client.shutdown() }
        }
    }

    private func localConfiguration(_ listen: NetworkAddress) throws -> LocalPoolConfiguration {
        let visible = ProcessInfo.processInfo.environment["CUDA_VISIBLE_DEVICES"]
        let gpus = LocalPoolConfiguration.gpuSlots(visible: visible)
        guard let size = poolSize ?? (gpus.isEmpty ? nil : gpus.count) else {
            throw ValidationError("there is no GPU here: --pool-size says how many runners share the CPU")
        }
        guard gpus.isEmpty || size <= gpus.count else {
            throw ValidationError("--pool-size is \(size), but there are \(gpus.count) GPUs")
        }
        var configuration = try LocalPoolConfiguration(
            service: poolService,
            runner: try runner(listen),
            slots: gpus.isEmpty ? Array(repeating: nil, count: size) : Array(gpus.prefix(size))
        )
        if let poolLogDirectory {
            try FileManager.default.createDirectory(atPath: poolLogDirectory, withIntermediateDirectories: true)
        }
        configuration.logDirectory = poolLogDirectory
        return configuration
    }

    private func slurmConfiguration(_ listen: NetworkAddress) throws -> SlurmConfiguration {
        var configuration = try SlurmConfiguration(
            service: poolService,
            runner: try runner(listen),
            maxJobs: poolSize ?? 1
        )
        configuration.logDirectory = poolLogDirectory
        configuration.partition = slurmPartition
        configuration.timeLimit = slurmTime
        configuration.options = slurmOption
        return configuration
    }

    private func runner(_ listen: NetworkAddress) throws -> RunnerCommandLine {
        let address = advertise ?? listen
        guard address.port != 0 else {
            throw ValidationError("with a pool the scheduler's port must be known: --listen or --advertise")
        }
        guard let executable = poolExecutable ?? Bundle.main.executablePath else {
            throw ValidationError("this program's path is not known: --pool-executable says it")
        }
        return RunnerCommandLine(
            executable: executable,
            arguments: ["runner", "--scheduler", "\(address)"] + runnerOptions
        )
    }
}
