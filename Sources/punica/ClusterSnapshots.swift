import Cluster
import Foundation
import Roles
import Server

/// What a cluster's scheduler last told its frontend.
struct ClusterSnapshots: SnapshotSource {
    let source: ClusterSource
    let model: String

    func snapshot() async -> ClusterSnapshot {
        let now = Date.now.timeIntervalSince1970
        guard let (text, age) = source.lastSnapshot, var snapshot = try? ClusterSnapshot(parsing: text) else {
            var empty = ClusterSnapshot(time: now, model: model)
            empty.unreachableSince = now
            return empty
        }
        let seconds = age / .seconds(1)
        if seconds > 3 { snapshot.unreachableSince = now - seconds }
        return snapshot
    }
}
