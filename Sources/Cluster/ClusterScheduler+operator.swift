/// What an operator may order beyond the scheduler's own judgement.
extension ClusterScheduler {
    /// Moves a placed request to another runner, whatever that gains: a rehearsal of what a migration does.
    ///
    /// - Parameter random: chooses the request, and the runner among those with room.
    /// - Returns: false if none can move.
    package mutating func moveAny(random: UInt64, at now: Duration) -> Bool {
        let placed = requests.indices.filter { offset in
            if case .placed(let runner)? = requests[offset]?.place { self[runner].isConnected } else { false }
        }
        guard !placed.isEmpty else { return false }
        let slot = RequestSlot(rawValue: Int32(placed[Int(random % UInt64(placed.count))]))
        guard case .placed(let source) = self[slot].place else { return false }
        let targets = runners.indices.map { RunnerSlot(rawValue: Int32($0)) }.filter { target in
            guard target != source, let runner = runners[target.offset], runner.isOpen else { return false }
            return runner.hasRoom(for: self[slot].request)
        }
        guard !targets.isEmpty else { return false }
        let target = targets[Int((random >> 32) % UInt64(targets.count))]
        move(slot, from: source, to: target, at: now)
        actions.append(.move(self[slot].request.id, from: self[source].id, to: self[target].id))
        return true
    }
}
