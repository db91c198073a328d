package import Cluster
import Engine
package import Frontend

/// What clients experienced of late, as percentiles.
///
/// Records count from the start of a process, and after a day no slow minute moves their percentiles any more. So this
/// keeps the copies of the last minute and looks at what was added since the oldest.
package struct RecentLatencies: Sendable {
    /// Seconds of which a percentile is taken.
    package static let window = 60.0

    package private(set) var firstToken: ClusterSnapshot.Latency?
    package private(set) var interToken: ClusterSnapshot.Latency?
    private var copies: [(time: Double, metrics: RequestMetrics.Snapshot)] = []

    package init() {}

    /// - Parameter time: seconds, never less than the time before.
    package mutating func record(_ metrics: RequestMetrics.Snapshot, at time: Double) {
        let old = copies.prefix { $0.time < time - Self.window }.count
        // The youngest of the old is where the window begins.
        copies.removeFirst(max(0, old - 1))
        copies.append((time, metrics))
        guard let first = copies.first?.metrics else { return }
        firstToken = Self.latency(metrics.firstToken.since(first.firstToken))
        interToken = Self.latency(metrics.interToken.since(first.interToken))
    }

    private static func latency(_ histogram: Histogram) -> ClusterSnapshot.Latency? {
        guard let p50 = histogram.quantile(0.5), let p95 = histogram.quantile(0.95),
            let p99 = histogram.quantile(0.99)
        else { return nil }
        return ClusterSnapshot.Latency(p50: p50, p95: p95, p99: p99)
    }
}
