/// Who goes where.
extension ClusterScheduler {
    /// How many runners are looked at in the paper's order on which a request fits only if its adapter is in use there.
    ///
    /// Beyond them only those are found that have room for the adapter as well, which bounds a decision's time.
    static let sharedAdapterLookahead = 32

    /// Moves what draining runners have, then places what waits, and releases the runners that are drained.
    mutating func dispatch(at now: Duration) {
        let draining = drainingRunners.sorted { self[$0].id < self[$1].id }
        for slot in draining { evacuate(slot, at: now) }
        placeWaiting(at: now)
        for slot in draining where self[slot].isConnected && self[slot].isIdle { release(slot) }
    }

    /// Places what waits, in order of arrival, until one finds no room.
    private mutating func placeWaiting(at now: Duration) {
        var position = 0
        while position < line.count {
            let slot = line[position]
            let avoided = avoidedRunner(of: slot, at: now)
            if let runner = choose(for: self[slot].request, avoiding: avoided) {
                line.remove(at: position)
                assign(slot, to: runner, at: now)
                actions.append(.place(self[slot].request.id, on: self[runner].id))
            } else if isTooLarge(self[slot].request) {
                line.remove(at: position)
                actions.append(.refuse(self[slot].request.id))
                forget(slot)
            } else if avoided != nil {
                // Others need not wait until it may go where it failed.
                position += 1
            } else {
                return
            }
        }
    }

    /// The runner that a request goes to, by the policy's choice among the fullest that have room.
    func choose(for request: PlacementRequest, avoiding: RunnerID? = nil) -> RunnerSlot? {
        let policy = configuration.policy
        let (lowest, sure) = freeTokens(for: request)
        var choice: (slot: RunnerSlot, cost: Int)?
        var (offered, visited, fullest) = (0, 0, 0)
        var bound: PlacementIndex.Key?
        while offered < policy.candidateLimit {
            let wanted = visited < policy.candidateLimit + Self.sharedAdapterLookahead ? lowest : sure
            guard let slot = index.first(after: bound, freeTokens: wanted) else { break }
            visited += 1
            bound = index.key(of: slot)
            let runner = self[slot]
            guard runner.id != avoiding, runner.hasRoom(for: request) else { continue }
            if offered == 0 { fullest = runner.load }
            offered += 1
            if policy.candidateLimit == 1 { return slot }
            let cost = policy.cost(of: request, on: runner.candidate(for: request, fullest: fullest))
            if choice.map({ cost < $0.cost }) ?? true { choice = (slot, cost) }
        }
        return choice?.slot
    }

    /// Free tokens without which a request fits nowhere, and those with which it fits wherever memory is cut alike.
    private func freeTokens(for request: PlacementRequest) -> (lowest: Int, sure: Int) {
        var (lowest, sure) = (Int.max, Int.max)
        for memory in memoryShapes {
            lowest = min(lowest, memory.need(request, withAdapter: false) * memory.blockSize)
            sure = min(sure, memory.need(request, withAdapter: true) * memory.blockSize)
        }
        return (lowest, sure)
    }

    /// Whether no runner seen so far could hold the request, were it alone there.
    private func isTooLarge(_ request: PlacementRequest) -> Bool {
        !memoryShapes.isEmpty && !memoryShapes.contains { $0.canHold(request) }
    }

    private func avoidedRunner(of slot: RequestSlot, at now: Duration) -> RunnerID? {
        guard let avoiding = self[slot].avoiding, now < avoiding.until else { return nil }
        return avoiding.runner
    }

    /// Moves what fits elsewhere away from a draining runner, oldest first.
    private mutating func evacuate(_ source: RunnerSlot, at now: Duration) {
        guard self[source].isConnected else { return }
        for slot in self[source].workingSet {
            guard let target = choose(for: self[slot].request) else { return }
            move(slot, from: source, to: target, at: now)
            actions.append(.move(self[slot].request.id, from: self[source].id, to: self[target].id))
        }
    }
}

/// Changes of a request's place.
extension ClusterScheduler {
    mutating func assign(_ slot: RequestSlot, to runner: RunnerSlot, at now: Duration) {
        let request = self[slot].request
        requests[slot.offset]?.place = .placed(runner)
        modify(runner) {
            $0.insert(slot, request)
            $0.lastPlacement = now
        }
        settle(runner, at: now)
    }

    mutating func wait(_ slot: RequestSlot) {
        requests[slot.offset]?.place = .waiting
        line.insert(entry(of: slot))
    }

    /// Takes a request from where it is, if it is anywhere.
    mutating func leavePlace(_ slot: RequestSlot, at now: Duration) {
        let place = self[slot].place
        requests[slot.offset]?.place = .nowhere
        switch place {
        case .nowhere: break
        case .waiting: line.remove(entry(of: slot))
        case .placed(let runner):
            let request = self[slot].request
            modify(runner) { $0.remove(slot, request) }
            settle(runner, at: now)
        }
    }

    mutating func move(_ slot: RequestSlot, from source: RunnerSlot, to target: RunnerSlot, at now: Duration) {
        precondition(
            self[slot].place == .placed(source) && source != target,
            "\(self[slot].request.id) is at the source"
        )
        leavePlace(slot, at: now)
        assign(slot, to: target, at: now)
    }

    private func entry(of slot: RequestSlot) -> WaitingLine.Entry {
        let request = self[slot].request
        return WaitingLine.Entry(arrival: request.arrival, id: request.id, slot: slot)
    }
}
