package import Adapters
package import Cluster
import Core
import Engine
package import Frontend
import Synchronization

/// Snapshots of the one runner that is in this process.
package final class LocalSnapshots: SnapshotSource {
    private let frontend: Frontend
    private let adapters: AdapterStore
    private let runnerName: String
    private let maxBatch: Int
    private let now: @Sendable () -> Double
    private let readings: Mutex<Readings>

    /// - Parameters:
    ///   - runnerName: what the runner computes on, for people.
    ///   - maxBatch: most sequences in a step.
    package convenience init(frontend: Frontend, adapters: AdapterStore, runnerName: String, maxBatch: Int) {
        self.init(frontend: frontend, adapters: adapters, runnerName: runnerName, maxBatch: maxBatch) { Clock.now }
    }

    /// - Parameter now: seconds since 1970.
    init(
        frontend: Frontend,
        adapters: AdapterStore,
        runnerName: String,
        maxBatch: Int,
        now: @escaping @Sendable () -> Double
    ) {
        self.frontend = frontend
        self.adapters = adapters
        self.runnerName = runnerName
        self.maxBatch = maxBatch
        self.now = now
        readings = Mutex(Readings())
    }

    package func snapshot() async -> ClusterSnapshot {
        let (engine, metrics, store, time) = (
            frontend.statistics, frontend.metrics.snapshot, adapters.statistics, now()
        )
        var snapshot = ClusterSnapshot(time: time, model: frontend.model.name)
        var runner = ClusterSnapshot.Runner(id: "local", name: runnerName, state: .active, maxBatch: maxBatch)
        runner.batch = engine.running
        runner.blockCount = engine.blockCount
        runner.freeBlocks = engine.freeBlocks
        runner.cachedBlocks = engine.cachedBlocks
        runner.adapterBlocks = engine.adapterBlocks
        runner.adapters = shownAdapters(running: Set(engine.runningAdapters))
        readings.withLock { readings in
            readings.take(Readings.Reading(time: time, engine: engine, evictions: store.evictions))
            readings.latencies.record(metrics, at: time)
            runner.tokensPerSecond = readings.tokensPerSecond
            runner.stepSeconds = readings.stepSeconds
            snapshot.firstToken = readings.latencies.firstToken
            snapshot.interToken = readings.latencies.interToken
            snapshot.events = ClusterSnapshotList(readings.events)
        }
        snapshot.show([runner])
        snapshot.queued = engine.waiting
        snapshot.finished = metrics.ended.values.reduce(0, +)
        return snapshot
    }

    private func shownAdapters(running: Set<String>) -> ClusterSnapshotList<ClusterSnapshot.Adapter> {
        let (shown, total) = adapters.busiest(ClusterSnapshot.adapterLimit)
        let items = shown.map { adapter in
            ClusterSnapshot.Adapter(
                digest: adapter.digest.short,
                name: adapter.name,
                tier: running.contains(adapter.name) ? .device : adapter.tier == .host ? .host : .disk,
                requests: adapter.leases
            )
        }
        return ClusterSnapshotList(items, omittedCount: total - items.count)
    }
}

/// Counters read one after another, and what lies between them.
private struct Readings {
    struct Reading {
        let time: Double
        let engine: EngineStatistics
        let evictions: Int
    }

    private(set) var tokensPerSecond = 0.0
    private(set) var stepSeconds = 0.0
    /// The newest last, at most `ClusterSnapshot.eventLimit`.
    private(set) var events: [ClusterSnapshot.Event] = []
    var latencies = RecentLatencies()
    private var last: Reading?

    /// Shorter intervals say too little of a rate.
    private static let shortestInterval = 0.25

    mutating func take(_ reading: Reading) {
        guard let last else { return self.last = reading }
        let seconds = reading.time - last.time
        guard seconds >= Self.shortestInterval else { return }
        let steps = reading.engine.stepSeconds.since(last.engine.stepSeconds)
        tokensPerSecond = Double(reading.engine.generatedTokens - last.engine.generatedTokens) / seconds
        stepSeconds = steps.count == 0 ? 0 : steps.sum / Double(steps.count)
        note(.preempted, reading.engine.preemptions - last.engine.preemptions, at: reading.time) {
            $0 == 1 ? "One sequence put back for lack of memory" : "\($0) sequences put back for lack of memory"
        }
        note(.evicted, reading.evictions - last.evictions, at: reading.time) {
            $0 == 1 ? "One adapter dropped from memory to make room" : "\($0) adapters dropped from memory to make room"
        }
        self.last = reading
    }

    private mutating func note(
        _ kind: ClusterSnapshot.Event.Kind,
        _ count: Int,
        at time: Double,
        _ text: (Int) -> String
    ) {
        guard count > 0 else { return }
        if events.count == ClusterSnapshot.eventLimit { events.removeFirst() }
        events.append(ClusterSnapshot.Event(time: time, kind: kind, runner: "local", text: text(count)))
    }
}
