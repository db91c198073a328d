/// Machines come and go.
extension ClusterScheduler {
    /// Tells that the pool could not give so many of the machines asked for; they may be asked for again.
    package mutating func acquisitionFailed(_ count: Int) { forgetAwaited(count) }

    mutating func forgetAwaited(_ count: Int) {
        var count = count
        while count > 0, let first = awaited.first {
            let gone = min(count, first.count)
            count -= gone
            if gone == first.count { awaited.removeFirst() } else { awaited[0].count -= gone }
        }
    }

    mutating func scale(at now: Duration) {
        guard let rules = configuration.scaling, now >= rules.start else { return }
        awaited.removeAll { $0.since + rules.patience <= now }
        var census = RunnerCensus(runners, lightShare: rules.lightShare)
        acquire(rules, census, at: now)
        guard line.isEmpty else { return }
        for slot in census.idle.sorted(by: { self[$0].id < self[$1].id }) {
            guard census.light > rules.spareRunners, census.present > rules.minRunners else { return }
            guard let since = self[slot].idleSince, since + rules.grace <= now else { continue }
            release(slot)
            census.light -= 1
            census.present -= 1
        }
    }

    /// Asks for machines if no lightly loaded runner is left, more if many requests wait (Punica section 5.1).
    private mutating func acquire(_ rules: ClusterConfiguration.Scaling, _ census: RunnerCensus, at now: Duration) {
        let coming = awaited.reduce(0) { $0 + $1.count }
        // Whole batches fill a machine each; what is left over leaves its machine light, or fills it too.
        let batch = census.largestBatch ?? Int.max
        let isRestLarge = Double(line.count % batch) > rules.lightShare * Double(batch)
        let filled = line.count / batch + (isRestLarge ? 1 : 0)
        let needed = max(filled + rules.spareRunners - census.light, line.isEmpty ? 0 : 1)
        let wanted = max(needed, rules.minRunners - census.present)
        let count = min(wanted, rules.maxRunners - census.present) - coming
        guard count > 0 else { return }
        awaited.append((count, now))
        actions.append(.acquire(count))
    }
}

/// How many runners there are of each kind.
private struct RunnerCensus {
    /// All that are connected and not released.
    var present = 0
    /// Those of them that take requests and have few.
    var light = 0
    /// Those of them that take requests and have none.
    var idle: [RunnerSlot] = []
    /// Of all that joined and are still known; nil before the first, when nobody knows how many requests one takes.
    var largestBatch: Int?

    init(_ runners: [RunnerState?], lightShare: Double) {
        for (offset, runner) in runners.enumerated() {
            guard let runner else { continue }
            if let batch = runner.description?.maxBatch { largestBatch = max(largestBatch ?? 1, batch) }
            guard runner.isConnected, !runner.isReleased else { continue }
            present += 1
            guard runner.isOpen else { continue }
            if runner.isLight(lightShare) { light += 1 }
            if runner.isIdle { idle.append(RunnerSlot(rawValue: Int32(offset))) }
        }
    }
}
