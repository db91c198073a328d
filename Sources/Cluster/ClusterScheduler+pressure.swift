/// Memory pressure: the newest leaves (Punica section 5.3).
extension ClusterScheduler {
    /// Notes a runner that has sequences without blocks to run in.
    mutating func notePressure(_ slot: RunnerSlot) {
        let state = self[slot]
        let isPressed = isShort(state)
        if isPressed && !state.isPressed { pressedRunners.append(slot) }
        modify(slot) { $0.isPressed = isPressed }
    }

    /// Whether the runner's newest request waits there for blocks, and not only for its adapter or its turn.
    private func isShort(_ state: RunnerState) -> Bool {
        guard let report = state.report, report.waiting > 0, let newest = state.workingSet.last else { return false }
        guard let memory = state.description?.memory else { return false }
        return report.freeBlocks + report.cachedBlocks < memory.blocks(tokens: self[newest].request.tokens)
    }

    /// Moves the newest request of every runner under pressure to where there is room; if there is none, it stays and
    /// waits. One for each report, which then tells whether that was enough.
    mutating func relievePressure(at now: Duration) {
        let pressed = pressedRunners
        pressedRunners.removeAll(keepingCapacity: true)
        for slot in pressed {
            guard let state = runners[slot.offset], state.isPressed, state.isConnected else { continue }
            modify(slot) { $0.isPressed = false }
            let newest = state.workingSet.max { self[$0].request.arrival < self[$1].request.arrival }
            guard let newest, mayMove(newest) else { continue }
            guard let target = choose(for: self[newest].request, avoiding: state.id) else { continue }
            moveVoluntarily(newest, from: slot, to: target, at: now)
        }
    }

    func mayMove(_ slot: RequestSlot) -> Bool {
        self[slot].moves < configuration.maxMoves
    }

    mutating func moveVoluntarily(_ slot: RequestSlot, from source: RunnerSlot, to target: RunnerSlot, at now: Duration)
    {
        move(slot, from: source, to: target, at: now)
        requests[slot.offset]?.moves += 1
        actions.append(.move(self[slot].request.id, from: self[source].id, to: self[target].id))
    }
}
