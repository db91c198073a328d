import Adapters
import Cluster
import ClusterProtocol
import Core
import Engine
import Frontend
import Logging
import Synchronization
import Testing

@testable import Roles

/// A scheduler, runners and a frontend in this process, on loopback.
final class TestCluster: Sendable {
    /// A part of the cluster that can be ended as if it had been killed.
    struct Part: Sendable {
        let address: NetworkAddress
        let task: Task<Void, any Error>

        func end() async {
            task.cancel()
            _ = await task.result
        }
    }

    static var timeouts: ClusterTimeouts {
        var timeouts = ClusterTimeouts()
        timeouts.heartbeat = .milliseconds(200)
        // Beside hundreds of other tests a thread may wait long for its turn, and nothing here depends on silence.
        timeouts.silence = .seconds(120)
        return timeouts
    }

    static let logger: Logger = {
        var logger = Logger(label: "test") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .critical
        return logger
    }()

    let source: ClusterSource
    private let schedulerAddress: NetworkAddress
    private let scheduler: Mutex<Part>
    private let following: Task<Void, Never>
    private let ids = Atomic<UInt64>(0)

    init() async throws {
        let part = try await Self.startScheduler(NetworkAddress(host: "127.0.0.1", port: 0))
        scheduler = Mutex(part)
        schedulerAddress = part.address
        let source = ClusterSource(
            scheduler: part.address,
            security: .open,
            maxWaiting: 50,
            timeouts: Self.timeouts,
            logger: Self.logger
        )
        self.source = source
        following = Task { await source.run() }
    }

    static func startScheduler(
        _ address: NetworkAddress,
        security: ClusterSecurity = .open
    ) async throws -> Part {
        var options = SchedulerRole.Options(
            listen: address,
            security: security,
            configuration: ClusterConfiguration(consolidation: nil)
        )
        options.timeouts = timeouts
        let role = SchedulerRole(options, logger: logger)
        let (listening, told) = AsyncStream.makeStream(of: NetworkAddress.self)
        let task = Task {
            defer { told.finish() }
            try await role.run { told.yield($0) }
        }
        for await address in listening { return Part(address: address, task: task) }
        try await task.value
        throw RoleError.badAddress(text: "\(address)", reason: "the scheduler ended")
    }

    static func startRunner(
        _ source: any TokenSource,
        id: RunnerID,
        scheduler: NetworkAddress,
        security: ClusterSecurity = .open,
        maxBatch: Int = 8
    ) async throws -> Part {
        var options = RunnerRole.Options(
            id: id,
            scheduler: scheduler,
            listen: NetworkAddress(host: "127.0.0.1", port: 0),
            model: "bytes",
            security: security
        )
        options.timeouts = timeouts
        let role = RunnerRole(
            options,
            sizes: .init(maxBatch: maxBatch, blockCount: 1000, blockSize: 16, vocabularySize: 258),
            source: source,
            store: nil,
            adapters: NoRunnerAdapters(),
            logger: logger
        )
        let (listening, told) = AsyncStream.makeStream(of: NetworkAddress.self)
        let task = Task {
            defer { told.finish() }
            try await role.run { told.yield($0) }
        }
        for await address in listening { return Part(address: address, task: task) }
        try await task.value
        throw RoleError.badAddress(text: "", reason: "the runner ended")
    }

    func startRunner(_ source: any TokenSource, id: UInt128, maxBatch: Int = 8) async throws -> Part {
        try await Self.startRunner(source, id: RunnerID(id), scheduler: schedulerAddress, maxBatch: maxBatch)
    }

    func endScheduler() async {
        let part = scheduler.withLock { $0 }
        await part.end()
    }

    func restartScheduler() async throws {
        let part = try await Self.startScheduler(schedulerAddress)
        scheduler.withLock { $0 = part }
    }

    func operate(_ operation: ClusterProtocol.Operation) async throws -> String {
        try await OperatorClient(scheduler: schedulerAddress, security: .open, timeouts: Self.timeouts)
            .perform(operation)
    }

    var address: NetworkAddress { schedulerAddress }

    func end() async {
        following.cancel()
        await following.value
        await endScheduler()
    }

    func request(seed: UInt64 = .random(in: .min ... .max), maxTokens: Int = 50) -> GenerationRequest {
        var sampling = SamplingParameters()
        sampling.seed = seed
        return GenerationRequest(
            id: RequestID(ids.wrappingAdd(1, ordering: .relaxed).newValue),
            prompt: [TokenID(1), TokenID(2)],
            sampling: sampling,
            stop: StopConditions(maxTokens: maxTokens)
        )
    }

    /// What came of a request.
    struct Answer: Equatable {
        var tokens: [TokenID] = []
        var isInOrder = true
        var ends: [GenerationEvent] = []

        /// What an undisturbed request gives.
        static func undisturbed(seed: UInt64, count: Int) -> Answer {
            Answer(tokens: SteadySource.tokens(seed: seed, count: count), ends: [.finished(.length)])
        }
    }

    func answer(_ request: GenerationRequest) async throws -> Answer {
        var answer = Answer()
        for await event in try source.submit(request) {
            if case .token(let token) = event {
                answer.isInOrder = answer.isInOrder && token.index == answer.tokens.count
                answer.tokens.append(token.id)
            } else {
                answer.ends.append(event)
            }
        }
        return answer
    }
}

struct NoRunnerAdapters: RunnerAdapters {
    func lease(_ digest: AdapterDigest) async throws -> AdapterLease {
        throw AdapterError.unknownAdapter(name: digest.hex)
    }
}

/// Waits until something is so; gives up after a while.
func eventually(_ isSo: () async throws -> Bool) async throws -> Bool {
    for _ in 0..<3000 {
        if try await isSo() { return true }
        try await Task.sleep(for: .milliseconds(20))
    }
    return false
}
