import Cluster
import Core
import Testing

/// The scheduler's twin: it follows the actions and finds every place again by searching all runners.
struct NaiveCluster {
    struct Runner {
        var description: RunnerDescription
        var isConnected = true
        var isOpen = true
        var requests: [ClusterRequestID] = []
        var unknownRequests = 0
        var unknownBlocks = 0
        var resident: Set<AdapterDigest> = []

        var load: Int { requests.count + unknownRequests }
    }

    var runners: [RunnerID: Runner] = [:]
    var requests: [ClusterRequestID: PlacementRequest] = [:]
    var waiting: Set<ClusterRequestID> = []
    var avoiding: [ClusterRequestID: (runner: RunnerID, until: Duration)] = [:]
    var moves: [ClusterRequestID: Int] = [:]
    /// Runners that joined before; requests are refused by all that were ever seen.
    var seen: [RunnerDescription] = []
    let policy: any PlacementPolicy

    init(policy: any PlacementPolicy) { self.policy = policy }

    func blocks(_ tokens: Int, _ runner: RunnerDescription) -> Int { tokens / runner.blockSize + 1 }

    func adapterBlocks(_ bytes: Int, _ runner: RunnerDescription) -> Int {
        guard let blockBytes = runner.blockBytes else { return 0 }
        return bytes / blockBytes + (bytes % blockBytes > 0 ? 1 : 0)
    }

    func adaptersInUse(_ runner: Runner) -> [AdapterDigest: PlacementRequest] {
        var used: [AdapterDigest: PlacementRequest] = [:]
        for id in runner.requests { if let adapter = requests[id]?.adapter { used[adapter] = requests[id] } }
        return used
    }

    func assignedBlocks(_ runner: Runner) -> Int {
        runner.requests.reduce(0) { $0 + blocks(requests[$1]?.tokens ?? 0, runner.description) }
            + adaptersInUse(runner).values.reduce(0) { $0 + adapterBlocks($1.adapterBytes, runner.description) }
    }

    func hasRoom(_ request: PlacementRequest, _ runner: Runner) -> Bool {
        guard runner.isConnected, runner.isOpen, runner.load < runner.description.maxBatch else { return false }
        let isUsed = request.adapter.map { adaptersInUse(runner)[$0] != nil } ?? true
        let need =
            blocks(request.tokens, runner.description)
            + (isUsed ? 0 : adapterBlocks(request.adapterBytes, runner.description))
        let free = runner.description.blockCount - assignedBlocks(runner) - runner.unknownBlocks
        return need <= free && canHold(request, runner.description)
    }

    func canHold(_ request: PlacementRequest, _ runner: RunnerDescription) -> Bool {
        let longest = max(request.promptTokens + request.maxTokens, request.tokens + 1)
        return blocks(longest - 1, runner) + adapterBlocks(request.adapterBytes, runner) <= runner.blockCount
    }

    /// Linear search by the paper's order and the policy's cost.
    func choose(_ request: PlacementRequest, except: RunnerID?) -> RunnerID? {
        let order = runners.filter { $0.key != except && hasRoom(request, $0.value) }
            .sorted { ($0.value.load, $0.key) > ($1.value.load, $1.key) }.prefix(policy.candidateLimit)
        let fullest = order.first?.value.load ?? 0
        let costs = order.map { id, runner -> (id: RunnerID, cost: Int) in
            let used = adaptersInUse(runner)
            let candidate = PlacementCandidate(
                workingSet: runner.load,
                behind: fullest - runner.load,
                isAdapterInUse: request.adapter.map { used[$0] != nil } ?? true,
                isAdapterResident: request.adapter.map { runner.resident.contains($0) } ?? true,
                rankSum: used.values.reduce(0) { $0 + $1.rank }
            )
            return (id, policy.cost(of: request, on: candidate))
        }
        guard let least = costs.map(\.cost).min() else { return nil }
        return costs.first { $0.cost == least }?.id
    }

    /// Checks one action against the rules, then follows it.
    mutating func follow(_ action: ClusterAction, at now: Duration, maxMoves: Int) throws {
        switch action {
        case .place(let id, on: let runner):
            try #require(waiting.contains(id))
            let request = try #require(requests[id])
            demand(choose(request, except: avoided(id, at: now)) == runner, "\(action)")
            waiting.remove(id)
            put(id, on: runner)
        case .move(let id, from: let source, to: let target):
            let request = try #require(requests[id])
            try #require(runners[source]?.requests.contains(id) ?? false)
            demand(choose(request, except: source) == target, "\(action)")
            if runners[source]?.isOpen ?? false { moves[id, default: 0] += 1 }
            demand(moves[id, default: 0] <= maxMoves, "\(action)")
            runners[source]?.requests.removeAll { $0 == id }
            put(id, on: target)
        case .refuse(let id):
            let request = try #require(requests[id])
            #expect(!seen.contains { canHold(request, $0) })
            end(id)
        case .drain(let runner): runners[runner]?.isOpen = false
        case .release(let runner):
            #expect(runners[runner]?.load == 0)
            runners[runner]?.isOpen = false
        case .acquire(let count): #expect(count > 0)
        }
    }

    func avoided(_ id: ClusterRequestID, at now: Duration) -> RunnerID? {
        avoiding[id].flatMap { now < $0.until ? $0.runner : nil }
    }

    mutating func put(_ id: ClusterRequestID, on runner: RunnerID) {
        runners[runner]?.requests.append(id)
        if let adapter = requests[id]?.adapter { runners[runner]?.resident.insert(adapter) }
    }

    mutating func take(_ id: ClusterRequestID) {
        waiting.remove(id)
        for runner in runners.keys { runners[runner]?.requests.removeAll { $0 == id } }
        runners = runners.filter { $0.value.isConnected || !$0.value.requests.isEmpty }
    }

    mutating func end(_ id: ClusterRequestID) {
        take(id)
        requests[id] = nil
        moves[id] = nil
        avoiding[id] = nil
    }

    /// Nothing waits that could be placed, in order of arrival.
    func expectDispatched(at now: Duration) {
        let line = waiting.compactMap { requests[$0] }.sorted { ($0.arrival, $0.id) < ($1.arrival, $1.id) }
        for request in line {
            let avoided = avoided(request.id, at: now)
            demand(choose(request, except: avoided) == nil, "\(request.id) waits though there is room")
            if avoided == nil { return }
        }
    }
}

/// Records an issue unless a condition holds.
func demand(_ condition: Bool, _ comment: @autoclosure () -> String) {
    if !condition { Issue.record(Comment(rawValue: comment())) }
}
