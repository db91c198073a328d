internal import Core

/// Decides which runner serves each request of a cluster, which requests move, and when machines come and go.
///
/// A pure value: it is told what happened, and `takeActions` says what to do about it. Time is handed in, as a duration
/// since any fixed moment, and never runs backwards. Nothing here need be saved: runners and frontends tell a new
/// scheduler everything (`join`, `adopt`).
///
/// The last action about a request is the one that counts. A call about a request or a runner that is not known (any
/// more) does nothing, because messages cross.
package struct ClusterScheduler: Sendable {
    package let configuration: ClusterConfiguration
    var runners: [RunnerState?] = []
    var runnerSlots: [RunnerID: RunnerSlot] = [:]
    private var freeRunnerSlots: [RunnerSlot] = []
    var requests: [RequestState?] = []
    var requestSlots: [ClusterRequestID: RequestSlot] = [:]
    private var freeRequestSlots: [RequestSlot] = []
    var index = PlacementIndex()
    var line = WaitingLine()
    var actions: [ClusterAction] = []
    /// Every way that a runner's memory has been cut so far: few, since runners of a cluster are alike.
    var memoryShapes: [MemoryShape] = []
    var drainingRunners: Set<RunnerSlot> = []
    var pressedRunners: [RunnerSlot] = []
    var nextConsolidation: Duration = .zero
    /// Machines asked for that have not joined yet, oldest first.
    var awaited: [(count: Int, since: Duration)] = []

    package init(_ configuration: ClusterConfiguration) { self.configuration = configuration }

    /// Requests that wait for a runner.
    package var waitingCount: Int { line.count }
    package var requestCount: Int { requestSlots.count }

    /// Appends what is to be done, in order, and forgets it.
    package mutating func takeActions(into taken: inout [ClusterAction]) {
        taken.append(contentsOf: actions)
        actions.removeAll(keepingCapacity: true)
    }

    /// Whether `takeActions` would give anything.
    package var hasActions: Bool { !actions.isEmpty }
}

/// What runners tell.
extension ClusterScheduler {
    /// A runner is there: new, returned after a lost connection, or started anew under the same id. Requests that were
    /// placed on it still are.
    package mutating func join(_ description: RunnerDescription, at now: Duration) {
        let isNew = runnerSlots[description.id] == nil
        let slot = slot(of: description.id)
        if isNew { forgetAwaited(1) }
        if !memoryShapes.contains(description.memory) { memoryShapes.append(description.memory) }
        var state = RunnerState(id: description.id)
        state.description = description
        state.isConnected = true
        state.isDraining = self[slot].isDraining && !self[slot].isReleased
        state.lastPlacement = self[slot].lastPlacement
        for request in self[slot].workingSet { state.insert(request, self[request].request) }
        // What its device holds is told by its first report.
        state.residentAdapters = Set(state.adapters.keys)
        runners[slot.offset] = state
        if !state.isDraining { drainingRunners.remove(slot) }
        settle(slot, at: now)
        dispatch(at: now)
    }

    /// A runner's state, sent at intervals and when something changed.
    package mutating func report(_ runner: RunnerID, _ report: RunnerReport, at now: Duration) {
        guard let slot = runnerSlots[runner], self[slot].isConnected else { return }
        for (id, tokens) in report.requests { progress(id, tokens: tokens) }
        modify(slot) { $0.take(report) }
        settle(slot, at: now)
        notePressure(slot)
        dispatch(at: now)
    }

    /// The connection to a runner is gone. Its requests stay on it until their frontends, whose streams may well go on,
    /// submit them again or end them.
    package mutating func lose(_ runner: RunnerID, at now: Duration) {
        guard let slot = runnerSlots[runner] else { return }
        modify(slot) {
            $0.isConnected = false
            $0.unknownRequests = 0
            $0.unknownBlocks = 0
            $0.isPressed = false
        }
        settle(slot, at: now)
    }

    /// Places nothing more on a runner, moves everything away as room is found elsewhere, then releases it.
    package mutating func drain(_ runner: RunnerID, at now: Duration) {
        guard let slot = runnerSlots[runner], self[slot].isConnected, !self[slot].isDraining else { return }
        modify(slot) { $0.isDraining = true }
        drainingRunners.insert(slot)
        actions.append(.drain(runner))
        settle(slot, at: now)
        dispatch(at: now)
    }
}

/// What frontends tell.
extension ClusterScheduler {
    /// Asks for a runner: a new request, or one whose stream broke and which is to be resumed.
    ///
    /// - Parameter avoiding: a runner that just failed it; kept away from for `ClusterConfiguration.avoidance`.
    package mutating func submit(_ request: PlacementRequest, avoiding: RunnerID? = nil, at now: Duration) {
        let slot = enter(request)
        leavePlace(slot, at: now)
        self[slot].avoiding = avoiding.map { ($0, now + configuration.avoidance) }
        wait(slot)
        dispatch(at: now)
    }

    /// A request already runs somewhere: what a frontend tells a scheduler that was started anew, perhaps before the
    /// runner has joined.
    package mutating func adopt(_ request: PlacementRequest, on runner: RunnerID, at now: Duration) {
        let slot = enter(request)
        leavePlace(slot, at: now)
        assign(slot, to: self.slot(of: runner), at: now)
        dispatch(at: now)
    }

    /// How many tokens a request has generated so far; fewer than known are ignored.
    package mutating func progress(_ id: ClusterRequestID, tokens: Int) {
        guard let slot = requestSlots[id] else { return }
        let request = self[slot].request
        guard tokens > request.generatedTokens else { return }
        requests[slot.offset]?.request.generatedTokens = tokens
        guard case .placed(let runner) = self[slot].place, let memory = self[runner].description?.memory else { return }
        let grown = memory.blocks(tokens: request.promptTokens + tokens) - memory.blocks(tokens: request.tokens)
        guard grown > 0 else { return }
        modify(runner) { $0.assignedBlocks += grown }
        reindex(runner)
    }

    /// A request finished, failed or was cancelled.
    package mutating func end(_ id: ClusterRequestID, at now: Duration) {
        guard let slot = requestSlots[id] else { return }
        leavePlace(slot, at: now)
        forget(slot)
        dispatch(at: now)
    }
}

/// What time brings.
extension ClusterScheduler {
    /// To be called several times a second: relieves memory pressure, consolidates, places what waits, and scales.
    package mutating func tick(at now: Duration) {
        relievePressure(at: now)
        consolidate(at: now)
        dispatch(at: now)
        scale(at: now)
    }
}

/// Slots: where states lie.
extension ClusterScheduler {
    subscript(slot: RunnerSlot) -> RunnerState {
        guard let state = runners[slot.offset] else { preconditionFailure("no runner in slot \(slot.offset)") }
        return state
    }

    subscript(slot: RequestSlot) -> RequestState {
        get {
            guard let state = requests[slot.offset] else { preconditionFailure("no request in slot \(slot.offset)") }
            return state
        }
        set { requests[slot.offset] = newValue }
    }

    /// Changes a runner's state in place.
    mutating func modify(_ slot: RunnerSlot, _ change: (inout RunnerState) -> Void) {
        let done: Void? = runners[slot.offset]?.apply(change)
        precondition(done != nil, "no runner in slot \(slot.offset)")
    }

    /// The slot of a runner, which becomes known by this.
    private mutating func slot(of runner: RunnerID) -> RunnerSlot {
        if let slot = runnerSlots[runner] { return slot }
        let slot = freeRunnerSlots.popLast() ?? RunnerSlot(rawValue: Int32(runners.count))
        if slot.offset == runners.count { runners.append(nil) }
        runners[slot.offset] = RunnerState(id: runner)
        runnerSlots[runner] = slot
        return slot
    }

    /// The slot of a request, which becomes known by this or is brought up to date; a known one keeps its arrival.
    private mutating func enter(_ request: PlacementRequest) -> RequestSlot {
        if let slot = requestSlots[request.id] {
            progress(request.id, tokens: request.generatedTokens)
            return slot
        }
        let slot = freeRequestSlots.popLast() ?? RequestSlot(rawValue: Int32(requests.count))
        if slot.offset == requests.count { requests.append(nil) }
        requests[slot.offset] = RequestState(request: request, place: .nowhere)
        requestSlots[request.id] = slot
        return slot
    }

    mutating func forget(_ slot: RequestSlot) {
        requestSlots[self[slot].request.id] = nil
        requests[slot.offset] = nil
        freeRequestSlots.append(slot)
    }

    /// Brings everything that follows from a runner's state in step with it: index, idleness, and whether there is
    /// anything to remember it for.
    mutating func settle(_ slot: RunnerSlot, at now: Duration) {
        modify(slot) { $0.idleSince = $0.isIdle && $0.isConnected ? $0.idleSince ?? now : nil }
        reindex(slot)
        guard !self[slot].isConnected, self[slot].workingSet.isEmpty else { return }
        drainingRunners.remove(slot)
        runnerSlots[self[slot].id] = nil
        runners[slot.offset] = nil
        freeRunnerSlots.append(slot)
    }

    mutating func reindex(_ slot: RunnerSlot) {
        let state = self[slot]
        if state.isOpen, state.load < state.description?.maxBatch ?? 0 {
            index.set(slot, key: state.key, freeTokens: state.freeTokens)
        } else {
            index.remove(slot)
        }
    }

    mutating func release(_ slot: RunnerSlot) {
        modify(slot) { $0.isReleased = true }
        drainingRunners.remove(slot)
        actions.append(.release(self[slot].id))
        reindex(slot)
    }
}
