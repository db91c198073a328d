import Cluster
import Core
import Testing

/// Moves that an operator orders.
@Suite struct OperatorTests {
    private func cluster(runners: ClosedRange<UInt128>, requests: Int) -> ClusterScheduler {
        var scheduler = ClusterScheduler(ClusterConfiguration(consolidation: nil))
        for id in runners {
            scheduler.join(RunnerDescription(id: RunnerID(id), maxBatch: 4, blockCount: 100, blockSize: 16), at: .zero)
        }
        for number in 0..<requests {
            let id = ClusterRequestID(frontend: 1, request: RequestID(UInt64(number)))
            scheduler.submit(
                PlacementRequest(
                    id: id,
                    adapter: nil,
                    rank: 0,
                    adapterBytes: 0,
                    promptTokens: 10,
                    maxTokens: 20,
                    arrival: .zero
                ),
                at: .zero
            )
        }
        return scheduler
    }

    @Test func `a request moves to a runner that it was not on, however often it has moved`() {
        var scheduler = cluster(runners: 1...3, requests: 5)
        var actions: [ClusterAction] = []
        scheduler.takeActions(into: &actions)
        var random = SplitMix(seed: 1)
        for _ in 0..<500 {
            let before = scheduler.requestCount
            #expect(scheduler.moveAny(random: random.next(), at: .seconds(1)))
            actions.removeAll()
            scheduler.takeActions(into: &actions)
            guard case .move(let id, let source, let target) = actions.last else {
                Issue.record("no move but \(actions)")
                return
            }
            #expect(source != target && scheduler.runner(of: id) == target)
            #expect(scheduler.requestCount == before)
            scheduler.checkInvariants()
        }
    }

    @Test func `where nothing runs, or there is nowhere to go, nothing moves`() {
        var empty = cluster(runners: 1...2, requests: 0)
        #expect(!empty.moveAny(random: 7, at: .zero))
        var alone = cluster(runners: 1...1, requests: 3)
        #expect(!alone.moveAny(random: 7, at: .zero))
        var full = cluster(runners: 1...2, requests: 8)
        #expect(!full.moveAny(random: 7, at: .zero))
    }
}
