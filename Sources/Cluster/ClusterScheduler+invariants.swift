extension ClusterScheduler {
    /// Traps where the parts of the state contradict each other; for tests and debug builds.
    package func checkInvariants() {
        index.checkInvariants()
        line.checkInvariants()
        checkRequests()
        for (offset, runner) in runners.enumerated() {
            guard let runner else { continue }
            check(runner, in: RunnerSlot(rawValue: Int32(offset)))
        }
        precondition(runners.count { $0 != nil } == runnerSlots.count, "every runner has one slot")
    }

    private func checkRequests() {
        var (waiting, placed) = (0, 0)
        for (id, slot) in requestSlots {
            let state = self[slot]
            precondition(state.request.id == id && state.moves <= configuration.maxMoves, "\(id) moved too often")
            switch state.place {
            case .nowhere: preconditionFailure("\(id) is nowhere")
            case .waiting: waiting += 1
            case .placed(let runner):
                placed += 1
                precondition(self[runner].workingSet.contains(slot), "\(id) is in its runner's working set")
            }
        }
        precondition(waiting == line.count, "everything that waits is in line")
        precondition(placed == runners.reduce(0) { $0 + ($1?.workingSet.count ?? 0) }, "nothing is placed twice")
        precondition(requests.count { $0 != nil } == requestSlots.count, "every request has one slot")
    }

    private func check(_ runner: RunnerState, in slot: RunnerSlot) {
        var twin = RunnerState(id: runner.id)
        twin.description = runner.description
        for request in runner.workingSet { twin.insert(request, self[request].request) }
        precondition(runnerSlots[runner.id] == slot, "\(runner.id) is in its slot")
        precondition(twin.assignedBlocks == runner.assignedBlocks, "\(runner.id): assigned blocks")
        precondition(twin.adapters == runner.adapters && twin.rankSum == runner.rankSum, "\(runner.id): adapters")
        precondition(runner.residentAdapters.isSuperset(of: runner.adapters.keys), "\(runner.id): resident adapters")
        precondition(runner.isConnected || !runner.workingSet.isEmpty, "\(runner.id) is remembered for something")
        precondition((runner.idleSince != nil) == (runner.isIdle && runner.isConnected), "\(runner.id): idleness")
        precondition(!runner.isEmptying, "\(runner.id): emptying ends within a call")
        let isIndexed = runner.isOpen && runner.load < runner.description?.maxBatch ?? 0
        precondition(index.contains(slot) == isIndexed, "\(runner.id): indexed if it takes requests")
        precondition(!isIndexed || index.key(of: slot) == runner.key, "\(runner.id): its place in the order")
        let isDraining = runner.isDraining && runner.isConnected && !runner.isReleased
        precondition(!isDraining || drainingRunners.contains(slot), "\(runner.id): draining runners are evacuated")
    }
}
