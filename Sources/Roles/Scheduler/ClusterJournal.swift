import Cluster
import Core
import Foundation
import JSON

/// What happened of late and how fast tokens come, as snapshots tell it.
struct ClusterJournal {
    private struct Rate {
        var tokens: [ClusterRequestID: Int] = [:]
        var perSecond = 0.0
    }

    private var events = ClusterSnapshotList<ClusterSnapshot.Event>()
    private(set) var finished = 0
    private var rates: [RunnerID: Rate] = [:]
    private var lastSnapshot: Duration?

    mutating func note(
        _ kind: ClusterSnapshot.Event.Kind,
        _ runner: RunnerID? = nil,
        to target: RunnerID? = nil,
        _ text: String
    ) {
        let event = ClusterSnapshot.Event(
            time: Date.now.timeIntervalSince1970,
            kind: kind,
            runner: runner?.description,
            target: target?.description,
            text: text
        )
        let all = events.items + [event]
        events = ClusterSnapshotList(Array(all.suffix(ClusterSnapshot.eventLimit)), limit: ClusterSnapshot.eventLimit)
    }

    mutating func requestEnded() { finished += 1 }

    /// - Parameter addresses: what people call each runner.
    mutating func snapshot(
        of scheduler: ClusterScheduler,
        model: String,
        addresses: [RunnerID: String],
        at now: Duration
    ) -> [UInt8] {
        let seconds = max(0.001, (now - (lastSnapshot ?? now - .seconds(1))) / .seconds(1))
        lastSnapshot = now
        var snapshot = ClusterSnapshot(time: Date.now.timeIntervalSince1970, model: model)
        snapshot.queued = scheduler.waitingCount
        snapshot.finished = finished
        snapshot.events = events
        let views = scheduler.runnerViews.filter { $0.description != nil && !($0.isReleased && !$0.isConnected) }
            .sorted { $0.id > $1.id }
        measure(views, seconds: seconds)
        // Those that are shown share what may be shown: sorting all adapters of all runners would hold up placement.
        let limit = ClusterSnapshot.adapterLimit / max(1, min(views.count, ClusterSnapshot.runnerLimit))
        snapshot.show(
            views.enumerated().map { position, view in
                let isShown = position < ClusterSnapshot.runnerLimit
                return runner(view, address: addresses[view.id], adapterLimit: isShown ? limit : 0)
            }
        )
        return Array(snapshot.json.encoded().utf8)
    }

    /// Counts what each runner's requests have gained since the last time.
    private mutating func measure(_ views: [RunnerView], seconds: Double) {
        var next: [RunnerID: Rate] = [:]
        for view in views {
            var rate = Rate()
            var gained = 0
            for (id, tokens) in view.report?.requests ?? [] {
                rate.tokens[id] = tokens
                if let before = rates[view.id]?.tokens[id] { gained += max(0, tokens - before) }
            }
            rate.perSecond = Double(gained) / seconds
            next[view.id] = rate
        }
        rates = next
    }

    private func runner(_ view: RunnerView, address: String?, adapterLimit: Int) -> ClusterSnapshot.Runner {
        let state: ClusterSnapshot.Runner.State =
            !view.isConnected ? .lost : view.isDraining || view.isReleased ? .draining : .active
        var runner = ClusterSnapshot.Runner(
            id: view.id.description,
            name: view.description?.machine ?? address ?? view.id.description,
            state: state,
            maxBatch: view.description?.maxBatch ?? 0
        )
        runner.batch = view.requests.count
        runner.blockCount = view.description?.blockCount ?? 0
        runner.waiting = view.report?.waiting ?? 0
        runner.freeBlocks = view.report?.freeBlocks ?? runner.blockCount
        runner.cachedBlocks = view.report?.cachedBlocks ?? 0
        runner.tokensPerSecond = rates[view.id]?.perSecond ?? 0
        runner.stepSeconds = view.report?.stepTime.map { $0 / .seconds(1) } ?? 0
        let adapters = adapterLimit == 0 ? [] : view.residentAdapters.sorted().prefix(adapterLimit)
        runner.adapters = ClusterSnapshotList(
            adapters.map { ClusterSnapshot.Adapter(digest: $0.short, name: nil, tier: .host, requests: 0) },
            omittedCount: view.residentAdapters.count - adapters.count
        )
        return runner
    }
}
