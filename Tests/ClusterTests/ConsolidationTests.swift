import Cluster
import Core
import Testing

@Suite struct ConsolidationPasses {
    private let source = RunnerID(1)
    private let target = RunnerID(2)

    private func id(_ number: UInt64) -> ClusterRequestID { ClusterRequestID(frontend: 1, request: RequestID(number)) }

    /// Three requests on the higher runner and two on the lower, each with so many tokens generated.
    private func scheduler(generated: [Int], maxTokens: Int = 4000, blocks: Int = 1000) -> ClusterScheduler {
        let rules = ClusterConfiguration.Consolidation(period: .seconds(5), settling: .seconds(2), hysteresis: 4)
        var scheduler = ClusterScheduler(ClusterConfiguration(consolidation: rules))
        scheduler.join(.init(id: source, maxBatch: 5, blockCount: 1000, blockSize: 16), at: .zero)
        scheduler.join(.init(id: target, maxBatch: 5, blockCount: blocks, blockSize: 16), at: .zero)
        for number in 0..<3 { scheduler.adopt(request(UInt64(number), 100, maxTokens), on: target, at: .zero) }
        for (number, tokens) in generated.enumerated() {
            scheduler.adopt(request(UInt64(number + 3), tokens, maxTokens), on: source, at: .zero)
        }
        return scheduler
    }

    private func request(_ number: UInt64, _ generated: Int, _ maxTokens: Int) -> PlacementRequest {
        PlacementRequest(
            id: id(number),
            adapter: nil,
            rank: 0,
            adapterBytes: 0,
            promptTokens: 200,
            generatedTokens: generated,
            maxTokens: maxTokens,
            arrival: .zero
        )
    }

    private func actions(_ scheduler: inout ClusterScheduler, at now: Duration) -> [ClusterAction] {
        scheduler.tick(at: now)
        scheduler.checkInvariants()
        var actions: [ClusterAction] = []
        scheduler.takeActions(into: &actions)
        return actions
    }

    @Test func `a runner whose requests all find room on a busier one is emptied`() {
        var scheduler = scheduler(generated: [500, 600])
        #expect(
            actions(&scheduler, at: .seconds(10))
                == [.move(id(3), from: source, to: target), .move(id(4), from: source, to: target)]
        )
        #expect(scheduler.runnerView(source)?.idleSince == .seconds(10))
    }

    @Test func `nothing moves if one of the requests finds no room`() {
        var scheduler = scheduler(generated: [500, 600, 700])
        #expect(actions(&scheduler, at: .seconds(10)).isEmpty)
        #expect(scheduler.runnerView(source)?.requests == [id(3), id(4), id(5)])
    }

    @Test func `nothing moves if one finds no memory`() {
        var scheduler = scheduler(generated: [500, 600], maxTokens: 1500, blocks: 110)
        #expect(actions(&scheduler, at: .seconds(10)).isEmpty)
    }

    @Test func `what is about to end is not moved`() {
        var scheduler = scheduler(generated: [990, 995], maxTokens: 1000)
        #expect(actions(&scheduler, at: .seconds(10)).isEmpty)
    }

    @Test func `one that will end soon stays while the long one moves`() {
        var scheduler = scheduler(generated: [990, 500], maxTokens: 1000)
        #expect(actions(&scheduler, at: .seconds(10)) == [.move(id(4), from: source, to: target)])
    }

    @Test func `no request moves a third time`() {
        var scheduler = scheduler(generated: [500, 400])
        _ = actions(&scheduler, at: .seconds(1))
        for turn in 0..<2 {
            let now = Duration.seconds(10 + 10 * turn)
            for step in actions(&scheduler, at: now) { if case .move(_, _, let to) = step { #expect(to == target) } }
            for number in [3, 4] as [UInt64] {
                guard let known = scheduler.request(id(number)) else { continue }
                scheduler.adopt(known, on: source, at: now)
            }
        }
        #expect(actions(&scheduler, at: .seconds(60)).isEmpty)
    }

    @Test func `a runner that has just got a request is left alone, and a pass comes once a period`() {
        var scheduler = scheduler(generated: [500, 600])
        #expect(actions(&scheduler, at: .seconds(1)).isEmpty, "placed a second ago")
        #expect(actions(&scheduler, at: .seconds(4)).isEmpty, "the next pass is at 6")
        #expect(actions(&scheduler, at: .seconds(6)).count == 2)
    }
}
