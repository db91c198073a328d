internal import Cluster
internal import Core
internal import HeapModule

/// How a cluster is simulated.
struct SimulationSettings: Sendable {
    var gpus: Int
    var policy: any PlacementPolicy = PaperPolicy()
    var consolidates = true
    /// Whether machines are asked for and given back; otherwise all are there from the start.
    var scales = true
    var scaling = ClusterConfiguration.Scaling(maxRunners: 1)
    /// Seconds from asking for a machine to its runner's joining.
    var startup = 30.0
    /// How many moments of the whole are kept for the charts.
    var samples = 300
}

/// Discrete events over the scheduler that real clusters use.
struct Simulator {
    /// When a runner is to be looked at.
    private struct Event: Comparable {
        let time: Int
        let runner: Int32
        let version: Int32

        static func < (left: Self, right: Self) -> Bool {
            left.time != right.time ? left.time < right.time : left.runner < right.runner
        }
    }

    private let world: SimulatedWorld
    private let settings: SimulationSettings
    private var scheduler: ClusterScheduler
    private var runners: [SimulatedRunner]
    private var machines: SimulatedMachines
    private var events = Heap<Event>()
    private var meter: SimulationMeter
    private var actions: [ClusterAction] = []
    private var runnerEvents: [RunnerEvent] = []
    private var nextArrival = 0
    private var nextTick = 0
    private var nextSample = 0
    private var now = 0
    private static let tickInterval = 500_000_000

    /// - Throws: if a request of the trace could never run.
    init(_ world: SimulatedWorld, _ settings: SimulationSettings) throws(SimulationError) {
        if let error = world.tooLarge { throw error }
        self.world = world
        self.settings = settings
        scheduler = ClusterScheduler(Self.configuration(world.preset, settings))
        runners = (0..<settings.gpus).map { SimulatedRunner(id: RunnerID(UInt128($0))) }
        machines = SimulatedMachines(count: settings.gpus)
        meter = SimulationMeter(world.trace, samples: settings.samples)
    }

    private static func configuration(_ preset: SimulationPreset, _ settings: SimulationSettings)
        -> ClusterConfiguration
    {
        var configuration = ClusterConfiguration(policy: settings.policy, consolidation: nil, scaling: nil)
        if settings.consolidates {
            configuration.consolidation = .init(
                cost: ResumeCost(prefillRate: 1 / preset.step.perPrefillToken, loadRate: preset.loadRate)
            )
        }
        if settings.scales {
            configuration.scaling = settings.scaling
            configuration.scaling?.maxRunners = settings.gpus
        }
        return configuration
    }

    /// Runs the trace to its end.
    mutating func run() -> SimulationOutcome {
        if !settings.scales {
            machines.acquire(settings.gpus, delay: 0, at: 0)
            startMachines()
        }
        while meter.openCount > 0 {
            now = nextTime()
            startMachines()
            finishRuns()
            arrive()
            if nextTick <= now {
                scheduler.tick(at: .nanoseconds(now))
                nextTick = now + Self.tickInterval
            }
            act()
            sample()
        }
        return meter.outcome(machines, at: now)
    }

    private func nextTime() -> Int {
        var time = nextTick
        if nextArrival < world.trace.requests.count { time = min(time, world.trace.requests[nextArrival].arrival) }
        if let event = events.min { time = min(time, event.time) }
        if let start = machines.nextStart { time = min(time, start) }
        return max(time, now)
    }

    private mutating func startMachines() {
        while let start = machines.nextStart, start <= now {
            let machine = machines.takeStarted()
            runners[machine].restart(at: now)
            scheduler.join(world.description(machine), at: .nanoseconds(now))
            act()
        }
    }

    private mutating func arrive() {
        while nextArrival < world.trace.requests.count, world.trace.requests[nextArrival].arrival <= now {
            scheduler.submit(world.placement(nextArrival), at: .nanoseconds(now))
            nextArrival += 1
            act()
        }
    }

    private mutating func finishRuns() {
        while let event = events.min, event.time <= now {
            events.removeMin()
            let runner = Int(event.runner)
            guard runners[runner].version == event.version else { continue }
            runnerEvents.removeAll(keepingCapacity: true)
            runners[runner].finishRun(in: world, at: now, &runnerEvents)
            plan(runner)
            for event in runnerEvents {
                meter.note(event, at: now)
                if case .finished(let request) = event { scheduler.end(world.id(request), at: .nanoseconds(now)) }
            }
            if let report = runners[runner].report(in: world, at: now) {
                scheduler.report(runners[runner].id, report, at: .nanoseconds(now))
            }
            act()
        }
    }

    /// Plans what a runner does next and when to look at it again.
    private mutating func plan(_ runner: Int) {
        runners[runner].version &+= 1
        if let time = runners[runner].plan(in: world, at: now) {
            events.insert(Event(time: max(time, now), runner: Int32(runner), version: runners[runner].version))
        }
        machines.note(runner, isBusy: runners[runner].load > 0 || runners[runner].run != nil, at: now)
    }

    private mutating func sample() {
        guard nextSample <= now else { return }
        nextSample = meter.sample(runners, machines, waiting: scheduler.waitingCount, at: now)
    }
}

/// Doing what the scheduler wants.
extension Simulator {
    private mutating func act() {
        while scheduler.hasActions {
            actions.removeAll(keepingCapacity: true)
            scheduler.takeActions(into: &actions)
            for action in actions { perform(action) }
        }
    }

    private mutating func perform(_ action: ClusterAction) {
        switch action {
        case .place(let id, on: let runner):
            enqueue(Int32(id.request.rawValue), on: runner, generated: 0, interrupted: nil)
        case .move(let id, from: let source, to: let target):
            let request = Int32(id.request.rawValue)
            let offset = Int(source.rawValue)
            let (generated, interrupted) = runners[offset].cancel(request, in: world, at: now)
            plan(offset)
            meter.noteMove(request)
            enqueue(request, on: target, generated: generated, interrupted: interrupted)
        case .refuse: preconditionFailure("every request of the trace fits on a GPU")
        case .drain: break
        case .release(let runner):
            machines.release(Int(runner.rawValue), at: now)
            scheduler.lose(runner, at: .nanoseconds(now))
        case .acquire(let count): machines.acquire(count, delay: Int(settings.startup * 1e9), at: now)
        }
    }

    private mutating func enqueue(_ request: Int32, on runner: RunnerID, generated: Int, interrupted: Int?) {
        let offset = Int(runner.rawValue)
        runners[offset].enqueue(request, generated: generated, interrupted: interrupted, in: world, at: now)
        plan(offset)
    }
}
