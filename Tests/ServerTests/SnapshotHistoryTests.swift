import Cluster
import JSON
import Testing

@testable import Server

struct SnapshotHistoryTests {
    @Test func `ten minutes are kept`() {
        var history = SnapshotHistory()
        for time in 1...2000 { history.add(snapshot(at: Double(time), ["a": 1])) }
        #expect(history.samples.count == SnapshotHistory.limit)
        #expect(history.samples.first?.time == 1401)
        #expect(history.samples.last?.time == 2000)
    }

    @Test func `columns have a place for every sample`() {
        var history = SnapshotHistory()
        history.add(snapshot(at: 1, ["a": 1]))
        history.add(snapshot(at: 2, ["a": 2, "b": 5]))
        history.add(snapshot(at: 3, ["b": 6]))
        let columns = history.json(after: nil)
        #expect(columns["times"] == [1.0, 2.0, 3.0])
        #expect(columns["running"] == [1, 7, 6])
        #expect(columns["firstToken"] == [0.5, 0.5, 0.5])
        #expect(columns["interToken"] == [nil, nil, nil])
        let runners = columns["runners"]?.array ?? []
        #expect(runners.map { $0["id"] } == ["a", "b"])
        #expect(runners.map { $0["batches"] } == [[1, 2, nil], [nil, 5, 6]])
        #expect(runners.map { $0["maxBatch"] } == [8, 8])
    }

    @Test(arguments: [(nil, 3), (0, 3), (1, 2), (1.5, 2), (3, 0), (4, 3)] as [(Double?, Int)])
    func `those younger than a time, or all if that time never was`(time: Double?, count: Int) {
        var history = SnapshotHistory()
        for time in 1...3 { history.add(snapshot(at: Double(time), ["a": 1])) }
        #expect(history.json(after: time)["times"]?.array?.count == count)
    }

    @Test func `times only grow, and a clock put back begins anew`() {
        var history = SnapshotHistory()
        history.add(snapshot(at: 100, ["a": 1]))
        history.add(snapshot(at: 100, ["a": 2]))
        history.add(snapshot(at: 99.5, ["a": 3]))
        #expect(history.samples.map(\.time) == [100])
        history.add(snapshot(at: 40, ["a": 4]))
        #expect(history.samples.map(\.time) == [40])
    }

    @Test func `what a lost scheduler last said is not taken for what is`() {
        var history = SnapshotHistory()
        var stale = snapshot(at: 2, ["a": 1])
        stale.unreachableSince = 1.5
        history.add(snapshot(at: 1, ["a": 1]))
        history.add(stale)
        #expect(history.samples.map(\.time) == [1])
    }

    @Test func `the longest history of the largest snapshot is less than a megabyte`() {
        var history = SnapshotHistory()
        let batches = Dictionary(uniqueKeysWithValues: (0..<ClusterSnapshot.runnerLimit).map { ("runner-\($0)", 100) })
        for time in 0..<SnapshotHistory.limit { history.add(snapshot(at: 1.7e9 + Double(time) + 0.123456, batches)) }
        #expect(history.json(after: nil).encodedBytes().count < 1 << 20)
    }

    private func snapshot(at time: Double, _ batches: [String: Int]) -> ClusterSnapshot {
        var snapshot = ClusterSnapshot(time: time, model: "base")
        snapshot.show(
            batches.sorted { $0.key < $1.key }.map { id, batch in
                var runner = ClusterSnapshot.Runner(id: id, name: id, state: .active, maxBatch: 8)
                runner.batch = batch
                return runner
            }
        )
        snapshot.firstToken = .init(p50: 0.1, p95: 0.5, p99: 1)
        return snapshot
    }
}
