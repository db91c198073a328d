package import Core
internal import DequeModule
internal import Paging

extension Scheduler {
    /// Traps unless queues, states and blocks agree. For tests: it walks everything.
    ///
    /// - Parameter lent: the blocks that adapters occupy.
    package func checkInvariants(lent: [BlockID] = []) {
        cache.checkInvariants(sequences: (running + retired).compactMap { self[$0].pages }, lent: lent)
        precondition(running.count <= configuration.maxSequences, "too many run")
        var seen = Set<SequenceIndex>()
        for index in running {
            precondition(seen.insert(index).inserted, "sequence \(index) is queued twice")
            guard let pages = self[index].pages else { preconditionFailure("running \(index) has no blocks") }
            precondition(self[index].computedCount <= pages.reservedTokenCount, "computed beyond the blocks")
            precondition(self[index].pendingCount >= 1, "running \(index) has nothing to compute")
        }
        for index in retired {
            precondition(seen.insert(index).inserted, "sequence \(index) is queued twice")
            precondition(self[index].pages != nil, "retired \(index) has no blocks")
        }
        for index in waiting {
            precondition(seen.insert(index).inserted, "sequence \(index) is queued twice")
            precondition(self[index].pages == nil && self[index].computedCount == 0, "waiting \(index) holds blocks")
            precondition(self[index].awaitedCount == 0, "waiting \(index) awaits a token")
        }
        precondition(zip(running, running.dropFirst()).allSatisfy { self[$0].arrival < self[$1].arrival })
        precondition(seen.count + freeIndices.count == sequences.count, "an index is lost")
        if running.isEmpty, retired.isEmpty {
            precondition(cache.heldBlockCount == lent.count, "blocks held by nobody")
        }
    }
}
