internal import Adapters
internal import Backends
internal import Core
internal import Models
internal import Paging
internal import Scheduling

extension Engine where Runner: ~Copyable {
    /// A copy of the counters with the gauges of this moment.
    func statistics() -> EngineStatistics {
        var statistics = counters
        statistics.waiting = scheduler.waitingCount
        statistics.running = scheduler.runningCount
        statistics.blockCount = scheduler.cache.blockCount
        statistics.freeBlocks = scheduler.cache.freeBlockCount
        statistics.cachedBlocks = scheduler.cache.cachedBlockCount
        statistics.adapterBlocks = adapters.blockCount
        statistics.adapterLoads = adapters.loadCount
        statistics.adapterEvictions = adapters.evictionCount
        statistics.prefixQueriedTokens = scheduler.cache.statistics.queriedTokens
        statistics.prefixHitTokens = scheduler.cache.statistics.hitTokens
        var (running, waiting) = (Set<String>(), Set<String>())
        for index in indices.values {
            guard let name = sequences[index.offset]?.lease?.name else { continue }
            if scheduler[index].isRunning { running.insert(name) } else { waiting.insert(name) }
        }
        statistics.runningAdapters = running.sorted()
        statistics.waitingAdapters = waiting.subtracting(running).sorted()
        if scheduler.isIdle { (statistics.batchSize, statistics.batchTokens) = (0, 0) }
        return statistics
    }

    func checkInvariants() {
        scheduler.checkInvariants(lent: adapters.blocks)
        let live = sequences.count { $0?.hasEnded == false }
        precondition(live == indices.count, "\(indices.count) requests, \(live) live sequences")
        for case .some(let sequence) in sequences where sequence.hasEnded {
            precondition(sequence.flightCount > 0, "a sequence that has ended holds blocks")
        }
        let held = Set(sequences.compactMap { $0?.slot })
        precondition(held.count == adapters.heldCount, "\(adapters.heldCount) adapters held, \(held.count) in use")
        adapters.checkInvariants()
    }
}
