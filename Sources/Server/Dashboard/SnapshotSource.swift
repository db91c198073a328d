package import Cluster

/// Who knows what the service does: this process, or a scheduler elsewhere.
package protocol SnapshotSource: Sendable {
    /// What is known now; asked about once a second.
    ///
    /// Never waits for another machine: where one cannot be reached, the snapshot says since when.
    func snapshot() async -> ClusterSnapshot
}
