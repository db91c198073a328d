import Cluster
import ClusterProtocol
import Core
import Logging

/// The scheduler's decisions at work: takes what runners and frontends say, in order, and passes on what follows.
///
/// Everything it knows it was told; a new one is told again by those who connect to it.
actor SchedulerDesk {
    /// Names one connection, so that a late word of an old one is not taken for the new one's.
    typealias Connection = Int

    struct Runner {
        let connection: Connection
        let registration: RunnerRegistration
        let orders: AsyncStream<RunnerOrder>.Continuation
        var lastHeard: ContinuousClock.Instant
    }

    struct Frontend {
        let connection: Connection
        let orders: AsyncStream<FrontendOrder>.Continuation
        var lastHeard: ContinuousClock.Instant
        /// The last question of each request that has not ended.
        var attempts: [RequestID: UInt32] = [:]
    }

    var scheduler: ClusterScheduler
    var runners: [RunnerID: Runner] = [:]
    var frontends: [UInt64: Frontend] = [:]
    /// The newest registration of each runner seen.
    private var newest: [RunnerID: UInt64] = [:]
    private var connections = 0
    var actions: [ClusterAction] = []
    var journal = ClusterJournal()
    /// Machines that were given and whose runners have not joined.
    var comingMachines: Set<String> = []
    private let start = ContinuousClock.now
    private let timeouts: ClusterTimeouts
    let machines: MachineKeeper?
    let logger: Logger

    init(
        _ configuration: ClusterConfiguration,
        machines: MachineKeeper?,
        timeouts: ClusterTimeouts,
        logger: Logger
    ) {
        scheduler = ClusterScheduler(configuration)
        self.machines = machines
        self.timeouts = timeouts
        self.logger = logger
    }

    var now: Duration { ContinuousClock.now - start }

    private func nextConnection() -> Connection {
        connections += 1
        return connections
    }
}

/// Runners.
extension SchedulerDesk {
    func attach(
        _ registration: RunnerRegistration,
        orders: AsyncStream<RunnerOrder>.Continuation
    ) throws(RoleError) -> Connection {
        let id = registration.description.id
        _ = try NetworkAddress(registration.address)
        guard runners[id] == nil else { throw .alreadyConnected(id: "runner \(id)") }
        if let newest = newest[id], registration.incarnation <= newest {
            throw .replayed(runner: id, incarnation: registration.incarnation, newest: newest)
        }
        if let model = runners.values.first?.registration.model, model != registration.model {
            throw .otherModel(found: registration.model, expected: model)
        }
        newest[id] = registration.incarnation
        let connection = nextConnection()
        runners[id] = Runner(
            connection: connection,
            registration: registration,
            orders: orders,
            lastHeard: .now
        )
        logger.notice("runner joined", metadata: ["runner": "\(id)", "address": "\(registration.address)"])
        journal.note(.joined, id, "runner at \(registration.address)")
        if let machine = registration.description.machine { comingMachines.remove(machine) }
        scheduler.join(registration.description, at: now)
        act()
        return connection
    }

    func report(_ report: RunnerReport, isDraining: Bool, from id: RunnerID, _ connection: Connection) {
        guard runners[id]?.connection == connection else { return }
        runners[id]?.lastHeard = .now
        scheduler.report(id, report, at: now)
        if isDraining { scheduler.drain(id, at: now) }
        act()
    }

    func detach(_ id: RunnerID, _ connection: Connection) {
        guard let runner = runners[id], runner.connection == connection else { return }
        runner.orders.finish()
        runners[id] = nil
        logger.notice("runner gone", metadata: ["runner": "\(id)"])
        if scheduler.runnerView(id)?.isReleased != true { journal.note(.lost, id, "connection lost") }
        scheduler.lose(id, at: now)
        act()
    }
}

/// Frontends.
extension SchedulerDesk {
    func follow(
        _ frontend: UInt64,
        requests: [PlacementQuery],
        orders: AsyncStream<FrontendOrder>.Continuation
    ) throws(RoleError) -> Connection {
        guard frontends[frontend] == nil else {
            throw .alreadyConnected(id: "frontend " + String(frontend, radix: 16))
        }
        let connection = nextConnection()
        frontends[frontend] = Frontend(connection: connection, orders: orders, lastHeard: .now)
        logger.notice(
            "frontend joined",
            metadata: ["frontend": "\(String(frontend, radix: 16))", "requests": "\(requests.count)"]
        )
        for query in requests { take(query, from: frontend) }
        act()
        return connection
    }

    func hear(_ message: FrontendMessage, from frontend: UInt64, _ connection: Connection) throws(RoleError) {
        guard frontends[frontend]?.connection == connection else { return }
        frontends[frontend]?.lastHeard = .now
        switch message {
        case .hello: throw .message(.unexpected(message: "a hello", expected: "a request"))
        case .alive: return
        case .submit(let query):
            // The hello may have told it already, or a later one.
            if let known = frontends[frontend]?.attempts[query.request],
                Int32(truncatingIfNeeded: query.attempt &- known) <= 0
            {
                return
            }
            take(query, from: frontend)
        case .ended(let request):
            if frontends[frontend]?.attempts.removeValue(forKey: request) != nil { journal.requestEnded() }
            scheduler.end(ClusterRequestID(frontend: frontend, request: request), at: now)
        }
        act()
    }

    /// Forgets its requests: those that go on are told again, and their runners report them meanwhile.
    func unfollow(_ frontend: UInt64, _ connection: Connection) {
        guard let gone = frontends[frontend], gone.connection == connection else { return }
        gone.orders.finish()
        frontends[frontend] = nil
        logger.notice("frontend gone", metadata: ["frontend": "\(String(frontend, radix: 16))"])
        for request in gone.attempts.keys {
            scheduler.end(ClusterRequestID(frontend: frontend, request: request), at: now)
        }
        act()
    }

    private func take(_ query: PlacementQuery, from frontend: UInt64) {
        frontends[frontend]?.attempts[query.request] = query.attempt
        let request = query.placement(frontend: frontend, at: now)
        switch query.whereabouts {
        case .nowhere: scheduler.submit(request, avoiding: nil, at: now)
        case .on(let runner): scheduler.adopt(request, on: runner, at: now)
        case .lost(let runner):
            journal.note(.resumed, runner, "a request left a runner that failed it")
            scheduler.submit(request, avoiding: runner, at: now)
        }
    }
}

/// Operators, and time.
extension SchedulerDesk {
    func operate(_ operation: Operation) -> String {
        logger.debug("operation", metadata: ["operation": "\(operation)"])
        defer { act() }
        switch operation {
        case .drain(let runner):
            guard runners[runner] != nil else { return "there is no runner \(runner)" }
            scheduler.drain(runner, at: now)
            return "runner \(runner) is draining"
        case .moveAny:
            return scheduler.moveAny(random: .random(in: .min ... .max), at: now)
                ? "one request moves" : "no request can move"
        case .status:
            return String(decoding: snapshot(), as: UTF8.self)
        }
    }

    func tick() {
        let silent = ContinuousClock.now - timeouts.silence
        for (id, runner) in runners where runner.lastHeard < silent { detach(id, runner.connection) }
        for (id, frontend) in frontends where frontend.lastHeard < silent { unfollow(id, frontend.connection) }
        scheduler.tick(at: now)
        act()
    }

    /// Says to everybody that the scheduler is there, and to frontends how things stand.
    func beat() {
        for runner in runners.values { runner.orders.yield(.alive) }
        guard !frontends.isEmpty else { return }
        let text = snapshot()
        for frontend in frontends.values { frontend.orders.yield(.snapshot(text)) }
    }

    private func snapshot() -> [UInt8] {
        journal.snapshot(
            of: scheduler,
            model: runners.values.first?.registration.model ?? "",
            addresses: runners.mapValues(\.registration.address),
            at: now
        )
    }
}
