import Cluster
import ServiceLifecycle
import Synchronization

/// Looks at the service once a second, whether or not anybody looks at the dashboard.
final class DashboardMonitor: Service {
    private struct State {
        var latest: ClusterSnapshot?
        var history = SnapshotHistory()
    }

    private let source: any SnapshotSource
    private let state = Mutex(State())

    init(source: any SnapshotSource) { self.source = source }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.look()
                do { try await Task.sleep(for: .seconds(1)) } catch { return }
            }
        }
    }

    /// Takes one sample.
    func look() async {
        let snapshot = await source.snapshot()
        state.withLock { state in
            state.latest = snapshot
            state.history.add(snapshot)
        }
    }

    /// The last snapshot and all samples; taken now if there is none yet.
    func view() async -> (latest: ClusterSnapshot, history: SnapshotHistory) {
        while true {
            let known = state.withLock { state in state.latest.map { ($0, state.history) } }
            if let known { return known }
            await look()
        }
    }
}
