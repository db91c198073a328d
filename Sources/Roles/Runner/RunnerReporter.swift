import Adapters
import Cluster
import Engine
import Frontend
import Synchronization

/// Makes reports of a runner's engine and adapters.
final class RunnerReporter: Sendable {
    private struct Steps {
        var count = 0
        var seconds = 0.0
        var time: Duration?
    }

    private let source: any TokenSource
    private let store: AdapterStore?
    private let open: OpenGenerations
    private let steps = Mutex(Steps())

    init(source: any TokenSource, store: AdapterStore?, open: OpenGenerations) {
        self.source = source
        self.store = store
        self.open = open
    }

    func report() -> RunnerReport {
        let statistics = source.statistics
        return RunnerReport(
            freeBlocks: statistics.freeBlocks,
            cachedBlocks: statistics.cachedBlocks,
            running: statistics.running,
            waiting: statistics.waiting,
            residentAdapters: store.map { $0.list().filter { $0.tier == .host }.map(\.digest) },
            stepTime: stepTime(statistics),
            requests: open.progress
        )
    }

    /// The mean over the steps since the report before; the last known if there was none.
    private func stepTime(_ statistics: EngineStatistics) -> Duration? {
        let (count, seconds) = (statistics.steps, statistics.stepSeconds.sum)
        return steps.withLock { steps in
            if count > steps.count {
                // To a hundredth of a millisecond: an idle runner's reports are to be equal.
                let mean = (seconds - steps.seconds) / Double(count - steps.count)
                steps = Steps(count: count, seconds: seconds, time: .microseconds(10 * Int(mean * 1e5)))
            }
            return steps.time
        }
    }
}
