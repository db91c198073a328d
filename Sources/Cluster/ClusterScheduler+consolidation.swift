/// Gathering running requests on fewer runners.
///
/// The paper says that requests are moved periodically to this end, but neither when nor which. Here, once a period, the
/// least loaded runners are looked at one after another. One that has got no request for a while is emptied if all its
/// requests find room on busier ones and each gains: what it is expected to run on must be several times what its resume
/// costs, and the time by which the runner becomes free earlier several times all resumes together. An emptied runner
/// stays and is the last choice of placement; scaling gives it back after the grace period.
extension ClusterScheduler {
    mutating func consolidate(at now: Duration) {
        guard let rules = configuration.consolidation, now >= nextConsolidation else { return }
        nextConsolidation = now + rules.period
        // Enough for load that falls fast, and few enough for a pass to be short.
        var remaining = max(1, index.count / 8)
        var bound = PlacementIndex.Key(workingSet: 0, id: RunnerID(.max))
        while remaining > 0, let slot = index.last(before: bound) {
            bound = index.key(of: slot)
            remaining -= 1
            guard self[slot].unknownRequests == 0, self[slot].lastPlacement + rules.settling <= now else { continue }
            let leaving = worthMoving(from: slot, rules)
            guard !leaving.isEmpty else { continue }
            // One with more requests will hardly find room either, and looking costs.
            guard empty(slot, of: leaving, at: now) else { return }
        }
    }

    /// The requests that would gain by moving; none if the runner would not become free early enough by it.
    private func worthMoving(from slot: RunnerSlot, _ rules: ClusterConfiguration.Consolidation) -> [RequestSlot] {
        let step = (self[slot].report?.stepTime ?? .milliseconds(30)) / .seconds(1)
        var leaving: [RequestSlot] = []
        var (busyUntil, busyWithoutThem, cost) = (0.0, 0.0, 0.0)
        for request in self[slot].workingSet {
            let remaining = Double(self[request].expectedRemainingTokens) * step
            let resume = rules.cost.seconds(self[request].request, isAdapterResident: false)
            busyUntil = max(busyUntil, remaining)
            if mayMove(request), remaining >= rules.hysteresis * resume {
                leaving.append(request)
                cost += resume
            } else {
                busyWithoutThem = max(busyWithoutThem, remaining)
            }
        }
        return busyUntil - busyWithoutThem >= rules.hysteresis * cost ? leaving : []
    }

    /// Moves all the requests to busier runners, or none.
    private mutating func empty(_ source: RunnerSlot, of leaving: [RequestSlot], at now: Duration) -> Bool {
        let key = self[source].key
        var before = [(slot: source, state: self[source])]
        modify(source) { $0.isEmptying = true }
        reindex(source)
        var targets: [RunnerSlot] = []
        for request in leaving {
            guard let target = choose(for: self[request].request), key < self[target].key else {
                for request in leaving { requests[request.offset]?.place = .placed(source) }
                for (slot, state) in before.reversed() { restore(state, in: slot) }
                return false
            }
            before.append((target, self[target]))
            move(request, from: source, to: target, at: now)
            targets.append(target)
        }
        modify(source) { $0.isEmptying = false }
        reindex(source)
        for (request, target) in zip(leaving, targets) {
            requests[request.offset]?.moves += 1
            actions.append(.move(self[request].request.id, from: self[source].id, to: self[target].id))
        }
        return true
    }

    private mutating func restore(_ state: RunnerState, in slot: RunnerSlot) {
        runners[slot.offset] = state
        reindex(slot)
    }
}

extension RequestState {
    /// As many as it has generated, at least a few, at most what it may: lengths vary so widely that what has gone on for
    /// long is likely to go on.
    var expectedRemainingTokens: Int {
        min(max(request.generatedTokens, 32), max(0, request.maxTokens - request.generatedTokens))
    }
}
