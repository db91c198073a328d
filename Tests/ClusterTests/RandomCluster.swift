import Cluster
import Core
import Testing

/// Drives a scheduler and its naive twin with the same random events over tiny alphabets.
struct RandomCluster {
    var scheduler: ClusterScheduler
    var twin: NaiveCluster
    var random: SplitMix
    var now: Duration = .zero
    private var nextID: UInt64 = 0
    /// A few more than all runners have room for.
    private static let mostRequests = 16
    private var actions: [ClusterAction] = []
    /// How often each kind of action was seen, so that a test can tell that it tested something.
    var seen: [String: Int] = [:]

    init(policy: any PlacementPolicy, seed: UInt64) {
        var configuration = ClusterConfiguration(policy: policy)
        configuration.consolidation = .init(period: .seconds(1), settling: .zero, hysteresis: 1)
        configuration.consolidation?.cost = ResumeCost(prefillRate: 1e6, loadRate: 1e12, fixed: .milliseconds(1))
        configuration.scaling = .init(minRunners: 1, maxRunners: 6, grace: .seconds(3))
        configuration.avoidance = .seconds(2)
        scheduler = ClusterScheduler(configuration)
        twin = NaiveCluster(policy: policy)
        random = SplitMix(seed: seed)
    }

    mutating func step() throws {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<22: if twin.requests.count < Self.mostRequests { submit() }
        case 22..<32: progress()
        case 32..<48: if let id = anyRequest() { end(id) }
        case 48..<60: join()
        case 60..<63: lose()
        case 63..<66: drain()
        case 66..<78: report()
        case 78..<81: adopt()
        case 81..<84: if let id = anyRequest() { resubmit(id) }
        default:
            now += .milliseconds(Int.random(in: 0...1500, using: &random))
            scheduler.tick(at: now)
        }
        actions.removeAll()
        scheduler.takeActions(into: &actions)
        for action in actions {
            seen[String("\(action)".prefix { $0 != "(" }), default: 0] += 1
            try twin.follow(action, at: now, maxMoves: scheduler.configuration.maxMoves)
        }
        compare()
    }

    /// Without `#expect`, whose bookkeeping would take most of the time.
    private func compare() {
        scheduler.checkInvariants()
        twin.expectDispatched(at: now)
        demand(Set(scheduler.waitingRequests) == twin.waiting, "the same requests wait")
        demand(scheduler.requestCount == twin.requests.count, "the same requests are known")
        let views = scheduler.runnerViews
        demand(views.map(\.id) == twin.runners.keys.sorted(), "the same runners are known")
        for view in views {
            demand(twin.runners[view.id]?.requests == view.requests, "\(view.id) has the same requests")
        }
    }

    private mutating func anyRequest() -> ClusterRequestID? {
        twin.requests.keys.sorted().randomElement(using: &random)
    }
    private mutating func anyRunner() -> RunnerID? { twin.runners.keys.sorted().randomElement(using: &random) }
    private func adapter(_ number: Int) -> AdapterDigest {
        AdapterDigest(bytes: Array(repeating: UInt8(number), count: 32))
    }

    private mutating func makeRequest() -> PlacementRequest {
        let number = Int.random(in: 0...3, using: &random)
        nextID += 1
        let prompt = Int.random(in: 1...9, using: &random)
        return PlacementRequest(
            id: ClusterRequestID(frontend: UInt64.random(in: 0...1, using: &random), request: RequestID(nextID)),
            adapter: number == 0 ? nil : adapter(number),
            rank: [0, 8, 16, 64][number],
            adapterBytes: [0, 10, 20, 30][number],
            promptTokens: prompt,
            maxTokens: Int.random(in: 1...60, using: &random),
            arrival: now
        )
    }

    private mutating func submit() {
        let request = makeRequest()
        twin.requests[request.id] = request
        twin.waiting.insert(request.id)
        scheduler.submit(request, at: now)
    }

    private mutating func resubmit(_ id: ClusterRequestID) {
        guard let request = twin.requests[id] else { return }
        let avoided = Bool.random(using: &random) ? anyRunner() : nil
        twin.take(id)
        twin.waiting.insert(id)
        twin.avoiding[id] = avoided.map { ($0, now + .seconds(2)) }
        scheduler.submit(request, avoiding: avoided, at: now)
    }

    private mutating func adopt() {
        guard let id = anyRequest(), let runner = anyRunner(), let request = twin.requests[id] else { return }
        guard twin.runners[runner]?.requests.contains(id) == false else { return }
        twin.take(id)
        guard twin.runners[runner] != nil else { return twinless(id, runner, request) }
        twin.put(id, on: runner)
        scheduler.adopt(request, on: runner, at: now)
    }

    /// The runner was only remembered for this request.
    private mutating func twinless(_ id: ClusterRequestID, _ runner: RunnerID, _ request: PlacementRequest) {
        twin.requests[id] = nil
        twin.end(id)
        scheduler.end(id, at: now)
    }

    private mutating func progress() {
        guard let id = anyRequest(), let request = twin.requests[id] else { return }
        let tokens = min(request.maxTokens, request.generatedTokens + Int.random(in: 0...6, using: &random))
        twin.requests[id]?.generatedTokens = tokens
        scheduler.progress(id, tokens: tokens)
    }

    private mutating func end(_ id: ClusterRequestID) {
        twin.end(id)
        scheduler.end(id, at: now)
    }

    private mutating func join() {
        let id = RunnerID(UInt128(UInt.random(in: 0..<6, using: &random)))
        guard twin.runners[id]?.isConnected != true || twin.runners[id]?.isOpen == false else { return }
        let description = RunnerDescription(
            id: id,
            maxBatch: Int.random(in: 1...4, using: &random),
            blockCount: Int.random(in: 6...14, using: &random),
            blockSize: Int.random(in: 3...4, using: &random),
            blockBytes: Bool.random(using: &random) ? nil : 10
        )
        let before = twin.runners[id]
        var runner = NaiveCluster.Runner(description: description)
        runner.requests = before?.requests ?? []
        let isStillDraining = scheduler.runnerView(id).map { $0.isDraining && !$0.isReleased } ?? false
        runner.isOpen = !isStillDraining
        runner.resident = Set(runner.requests.compactMap { twin.requests[$0]?.adapter })
        twin.runners[id] = runner
        twin.seen.append(description)
        scheduler.join(description, at: now)
    }

    private mutating func lose() {
        guard let id = anyRunner() else { return }
        twin.runners[id]?.isConnected = false
        twin.runners[id]?.unknownBlocks = 0
        twin.runners[id]?.unknownRequests = 0
        if twin.runners[id]?.requests.isEmpty == true { twin.runners[id] = nil }
        scheduler.lose(id, at: now)
    }

    private mutating func drain() {
        guard let id = anyRunner() else { return }
        scheduler.drain(id, at: now)
    }

    private mutating func report() {
        guard let id = anyRunner(), let runner = twin.runners[id], runner.isConnected else { return }
        let free = Int.random(in: 0...runner.description.blockCount, using: &random)
        let report = RunnerReport(
            freeBlocks: free,
            running: Int.random(in: 0...5, using: &random),
            waiting: Int.random(in: 0...1, using: &random),
            residentAdapters: Bool.random(using: &random) ? nil : [adapter(1)]
        )
        var after = runner
        after.unknownBlocks = max(0, runner.description.blockCount - free - twin.assignedBlocks(runner))
        after.unknownRequests = max(0, report.running + report.waiting - runner.requests.count)
        if report.residentAdapters != nil {
            after.resident = Set(twin.adaptersInUse(runner).keys).union([adapter(1)])
        }
        twin.runners[id] = after
        scheduler.report(id, report, at: now)
    }
}

/// A small generator with a seed.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
