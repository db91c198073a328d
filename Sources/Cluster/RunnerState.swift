internal import Core

/// What the scheduler knows of a runner.
struct RunnerState: Sendable {
    /// An adapter that requests of the working set use.
    struct AdapterUse: Sendable, Equatable {
        var requests: Int
        let rank: Int
        let blocks: Int
    }

    let id: RunnerID
    /// nil before the runner joined: only a frontend has spoken of it.
    var description: RunnerDescription?
    var isConnected = false
    var isDraining = false
    /// Told to stop; nothing is placed there unless it joins again.
    var isReleased = false
    /// Taken out of placement while consolidation looks for room for its requests; only within a call.
    var isEmptying = false
    /// What was placed here, in that order.
    var workingSet: [RequestSlot] = []
    var adapters: [AdapterDigest: AdapterUse] = [:]
    /// On the device, as last reported, and what was placed here since.
    var residentAdapters: Set<AdapterDigest> = []
    var rankSum = 0
    /// Blocks of the working set and its adapters, by what is known of their tokens.
    var assignedBlocks = 0
    /// What the last report told beyond what was assigned then: requests that this scheduler does not know (any more).
    var unknownRequests = 0
    var unknownBlocks = 0
    var report: RunnerReport?
    /// A report told of pressure and nothing was done about it yet.
    var isPressed = false
    var lastPlacement: Duration = .zero
    /// Since when it has had nothing to do.
    var idleSince: Duration?

    init(id: RunnerID) { self.id = id }

    /// Requests that are or may be there.
    var load: Int { workingSet.count + unknownRequests }
    var isIdle: Bool { load == 0 }
    var freeBlocks: Int { (description?.blockCount ?? 0) - assignedBlocks - unknownBlocks }
    var freeTokens: Int { max(0, freeBlocks) * (description?.blockSize ?? 0) }
    /// Whether it can be given requests at all, room apart.
    var isOpen: Bool { isConnected && !isDraining && !isReleased && !isEmptying && description != nil }
    var key: PlacementIndex.Key { PlacementIndex.Key(workingSet: load, id: id) }

    func isLight(_ share: Double) -> Bool { Double(load) <= share * Double(description?.maxBatch ?? 0) }

    /// Room for one more request.
    func hasRoom(for request: PlacementRequest) -> Bool {
        guard let description, load < description.maxBatch else { return false }
        let memory = description.memory
        return memory.need(request, withAdapter: needsAdapter(request)) <= freeBlocks && memory.canHold(request)
    }

    func needsAdapter(_ request: PlacementRequest) -> Bool { request.adapter.map { adapters[$0] == nil } ?? false }

    func isResident(_ request: PlacementRequest) -> Bool {
        request.adapter.map { residentAdapters.contains($0) } ?? true
    }

    func candidate(for request: PlacementRequest, fullest: Int) -> PlacementCandidate {
        PlacementCandidate(
            workingSet: load,
            behind: fullest - load,
            isAdapterInUse: !needsAdapter(request),
            isAdapterResident: isResident(request),
            rankSum: rankSum
        )
    }
}

extension RunnerState {
    /// Changes a state where it lies, which optional chaining cannot do with a closure.
    mutating func apply(_ change: (inout Self) -> Void) { change(&self) }
}

/// Changes of the working set; the scheduler keeps its requests and its index in step with them.
extension RunnerState {
    mutating func insert(_ slot: RequestSlot, _ request: PlacementRequest) {
        workingSet.append(slot)
        assignedBlocks += description?.memory.blocks(tokens: request.tokens) ?? 0
        guard let adapter = request.adapter else { return }
        if adapters[adapter] != nil {
            adapters[adapter]?.requests += 1
            return
        }
        let blocks = description?.memory.blocks(adapterBytes: request.adapterBytes) ?? 0
        adapters[adapter] = AdapterUse(requests: 1, rank: request.rank, blocks: blocks)
        residentAdapters.insert(adapter)
        rankSum += request.rank
        assignedBlocks += blocks
    }

    mutating func remove(_ slot: RequestSlot, _ request: PlacementRequest) {
        guard let position = workingSet.firstIndex(of: slot) else { preconditionFailure("\(request.id) is on \(id)") }
        workingSet.remove(at: position)
        assignedBlocks -= description?.memory.blocks(tokens: request.tokens) ?? 0
        guard let adapter = request.adapter, let use = adapters[adapter] else { return }
        if use.requests > 1 {
            adapters[adapter]?.requests -= 1
            return
        }
        adapters[adapter] = nil
        rankSum -= use.rank
        assignedBlocks -= use.blocks
    }

    mutating func take(_ report: RunnerReport) {
        if let resident = report.residentAdapters { residentAdapters = Set(resident).union(adapters.keys) }
        let usedBlocks = (description?.blockCount ?? 0) - report.freeBlocks - report.cachedBlocks
        unknownBlocks = max(0, usedBlocks - assignedBlocks)
        unknownRequests = max(0, report.running + report.waiting - workingSet.count)
        self.report = report
    }
}

/// Where a request's state lies in the scheduler.
struct RequestSlot: Hashable, Sendable {
    let rawValue: Int32

    var offset: Int { Int(rawValue) }
}

/// What the scheduler knows of a request.
struct RequestState: Sendable {
    enum Place: Sendable, Equatable {
        /// Only within a call.
        case nowhere
        case waiting
        case placed(RunnerSlot)
    }

    var request: PlacementRequest
    var place: Place
    /// Voluntary moves so far.
    var moves = 0
    /// A runner to keep away from, and until when.
    var avoiding: (runner: RunnerID, until: Duration)?
}
