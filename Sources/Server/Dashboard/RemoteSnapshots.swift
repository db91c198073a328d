package import Cluster
package import Frontend
import Synchronization

/// Snapshots that a cluster's scheduler sends, with the latencies that this frontend's clients experienced.
package final class RemoteSnapshots: SnapshotSource {
    /// The scheduler's last word as JSON, and how old it is; nil before the first.
    package typealias LastWord = @Sendable () -> (text: [UInt8], age: Duration)?

    private let frontend: Frontend
    private let lastWord: LastWord
    private let start = Clock.now
    private let latencies = Mutex(RecentLatencies())

    /// It sends one a second; after so many seconds without one it counts as unreachable.
    private static let patience = 3.0

    package init(frontend: Frontend, lastWord: @escaping LastWord) {
        self.frontend = frontend
        self.lastWord = lastWord
    }

    package func snapshot() async -> ClusterSnapshot {
        let now = Clock.now
        let word = lastWord()
        let age = word.map { $0.age / .seconds(1) } ?? now - start
        var snapshot = word.flatMap { try? ClusterSnapshot(parsing: $0.text) } ?? ClusterSnapshot(time: now, model: "")
        snapshot.time = now
        snapshot.model = frontend.model.name
        snapshot.unreachableSince = age > Self.patience ? now - age : nil
        latencies.withLock { latencies in
            latencies.record(frontend.metrics.snapshot, at: now)
            snapshot.firstToken = latencies.firstToken
            snapshot.interToken = latencies.interToken
        }
        return snapshot
    }
}
