import Cluster
import Core
import Testing

@Suite struct ClusterSchedulers {
    private func runner(_ number: UInt128, batch: Int = 4, blocks: Int = 100, blockBytes: Int? = nil)
        -> RunnerDescription
    {
        RunnerDescription(
            id: RunnerID(number),
            maxBatch: batch,
            blockCount: blocks,
            blockSize: 16,
            blockBytes: blockBytes
        )
    }

    private func id(_ number: UInt64) -> ClusterRequestID { ClusterRequestID(frontend: 1, request: RequestID(number)) }

    private func digest(_ number: UInt8) -> AdapterDigest { AdapterDigest(bytes: Array(repeating: number, count: 32)) }

    private func request(
        _ number: UInt64,
        adapter: UInt8? = nil,
        rank: Int = 16,
        prompt: Int = 10,
        generated: Int = 0,
        max: Int = 100,
        arrival: Duration = .zero
    ) -> PlacementRequest {
        PlacementRequest(
            id: id(number),
            adapter: adapter.map { digest($0) },
            rank: adapter == nil ? 0 : rank,
            adapterBytes: adapter == nil ? 0 : 1000,
            promptTokens: prompt,
            generatedTokens: generated,
            maxTokens: max,
            arrival: arrival
        )
    }

    private func scheduler(
        _ policy: any PlacementPolicy = PaperPolicy(),
        consolidation: ClusterConfiguration.Consolidation? = nil,
        scaling: ClusterConfiguration.Scaling? = nil,
        runners: [RunnerDescription] = []
    ) -> ClusterScheduler {
        var scheduler = ClusterScheduler(
            ClusterConfiguration(policy: policy, consolidation: consolidation, scaling: scaling)
        )
        for description in runners { scheduler.join(description, at: .zero) }
        return scheduler
    }

    private func actions(_ scheduler: inout ClusterScheduler) -> [ClusterAction] {
        scheduler.checkInvariants()
        var actions: [ClusterAction] = []
        scheduler.takeActions(into: &actions)
        return actions
    }

    @Test func `the fullest runner with room gets a request, the highest id of equals`() {
        var scheduler = scheduler(runners: [runner(1, batch: 2), runner(2, batch: 2), runner(3, batch: 2)])
        for number in 1...5 { scheduler.submit(request(UInt64(number)), at: .zero) }
        #expect(
            actions(&scheduler)
                == [3, 3, 2, 2, 1].enumerated().map {
                    .place(id(UInt64($0.offset + 1)), on: RunnerID($0.element))
                }
        )
        scheduler.end(id(1), at: .zero)
        scheduler.end(id(4), at: .zero)
        scheduler.end(id(3), at: .zero)
        scheduler.submit(request(6), at: .zero)
        #expect(actions(&scheduler) == [.place(id(6), on: RunnerID(3))])
    }

    @Test func `a runner without memory is passed over, however full`() {
        var scheduler = scheduler(runners: [runner(1, blocks: 20), runner(2, blocks: 10)])
        scheduler.submit(request(1, prompt: 100, max: 1), at: .zero)
        scheduler.submit(request(2, prompt: 100, max: 1), at: .zero)
        #expect(actions(&scheduler) == [.place(id(1), on: RunnerID(2)), .place(id(2), on: RunnerID(1))])
    }

    @Test func `an adapter takes memory once for all requests that use it`() {
        var scheduler = scheduler(runners: [runner(1, blocks: 9, blockBytes: 200)])
        scheduler.submit(request(1, adapter: 1, max: 6), at: .zero)
        scheduler.submit(request(2, adapter: 1, max: 6), at: .zero)
        scheduler.submit(request(3, adapter: 2, max: 6), at: .zero)
        #expect(actions(&scheduler) == [.place(id(1), on: RunnerID(1)), .place(id(2), on: RunnerID(1))])
        #expect(scheduler.runnerView(RunnerID(1))?.freeBlocks == 2)
        scheduler.end(id(1), at: .zero)
        #expect(actions(&scheduler).isEmpty)
        scheduler.end(id(2), at: .zero)
        #expect(actions(&scheduler) == [.place(id(3), on: RunnerID(1))])
    }

    @Test func `what waits is placed in order of arrival, and a resumed request takes its old place in the line`() {
        var scheduler = scheduler(runners: [runner(1, batch: 1)])
        for number in 1...3 {
            scheduler.submit(request(UInt64(number), arrival: .seconds(number)), at: .seconds(number))
        }
        #expect(actions(&scheduler) == [.place(id(1), on: RunnerID(1))])
        scheduler.lose(RunnerID(1), at: .seconds(4))
        scheduler.submit(request(1, generated: 5, arrival: .seconds(9)), avoiding: RunnerID(1), at: .seconds(5))
        #expect(scheduler.waitingRequests == [id(1), id(2), id(3)])
        scheduler.join(runner(2, batch: 2), at: .seconds(6))
        #expect(actions(&scheduler) == [.place(id(1), on: RunnerID(2)), .place(id(2), on: RunnerID(2))])
    }

    @Test func `a request keeps away from the runner that failed it, for a while, and does not hold up others`() {
        var scheduler = scheduler(runners: [runner(1)])
        scheduler.submit(request(1), at: .zero)
        scheduler.submit(request(1), avoiding: RunnerID(1), at: .seconds(1))
        scheduler.submit(request(2, arrival: .seconds(2)), at: .seconds(2))
        #expect(actions(&scheduler) == [.place(id(1), on: RunnerID(1)), .place(id(2), on: RunnerID(1))])
        scheduler.tick(at: .seconds(5))
        #expect(actions(&scheduler).isEmpty)
        scheduler.tick(at: .seconds(6))
        #expect(actions(&scheduler) == [.place(id(1), on: RunnerID(1))])
    }

    @Test func `what no runner could ever hold is refused`() {
        var scheduler = scheduler()
        scheduler.submit(request(1, prompt: 2000), at: .zero)
        #expect(actions(&scheduler).isEmpty)
        scheduler.join(runner(1), at: .zero)
        #expect(actions(&scheduler) == [.refuse(id(1))])
        #expect(scheduler.requestCount == 0)
    }

    @Test func `a lost runner's requests are still there when it comes back`() {
        var scheduler = scheduler(runners: [runner(1)])
        scheduler.submit(request(1), at: .zero)
        scheduler.lose(RunnerID(1), at: .seconds(1))
        scheduler.submit(request(2), at: .seconds(2))
        #expect(actions(&scheduler) == [.place(id(1), on: RunnerID(1))])
        scheduler.join(runner(1), at: .seconds(3))
        #expect(actions(&scheduler) == [.place(id(2), on: RunnerID(1))])
        #expect(scheduler.runnerView(RunnerID(1))?.requests == [id(1), id(2)])
    }

    @Test func `a new scheduler counts what it is told, before and after the runner joins`() {
        var scheduler = scheduler()
        scheduler.adopt(request(1), on: RunnerID(1), at: .zero)
        scheduler.join(runner(1, batch: 2), at: .zero)
        scheduler.report(RunnerID(1), RunnerReport(freeBlocks: 98, running: 2), at: .zero)
        scheduler.submit(request(3), at: .zero)
        #expect(actions(&scheduler).isEmpty)
        scheduler.adopt(request(2), on: RunnerID(1), at: .zero)
        scheduler.report(RunnerID(1), RunnerReport(freeBlocks: 98, running: 2), at: .zero)
        #expect(actions(&scheduler).isEmpty)
        scheduler.end(id(1), at: .zero)
        #expect(actions(&scheduler) == [.place(id(3), on: RunnerID(1))])
    }

    @Test func `a drained runner's requests move as room is found, then it is released`() {
        var scheduler = scheduler(runners: [runner(1, batch: 1), runner(2, batch: 2)])
        for number in 1...3 { scheduler.submit(request(UInt64(number)), at: .zero) }
        _ = actions(&scheduler)
        scheduler.drain(RunnerID(2), at: .zero)
        #expect(actions(&scheduler) == [.drain(RunnerID(2))])
        scheduler.end(id(3), at: .zero)
        #expect(actions(&scheduler) == [.move(id(1), from: RunnerID(2), to: RunnerID(1))])
        scheduler.end(id(2), at: .zero)
        #expect(actions(&scheduler) == [.release(RunnerID(2))])
    }

    @Test func `under memory pressure the newest leaves for where there is room`() {
        var scheduler = scheduler(runners: [runner(1), runner(2, blocks: 10)])
        for number in 1...2 {
            scheduler.submit(request(UInt64(number), prompt: 60, arrival: .seconds(number)), at: .seconds(number))
        }
        _ = actions(&scheduler)
        let report = RunnerReport(freeBlocks: 1, running: 1, waiting: 1, requests: [(id(1), 20), (id(2), 20)])
        scheduler.report(RunnerID(2), report, at: .seconds(3))
        scheduler.tick(at: .seconds(3))
        #expect(actions(&scheduler) == [.move(id(2), from: RunnerID(2), to: RunnerID(1))])
        scheduler.tick(at: .seconds(4))
        #expect(actions(&scheduler).isEmpty)
    }

    @Test func `adapter-affine prefers a runner that has the adapter among those nearly as full`() {
        var scheduler = scheduler(AdapterAffinePolicy(), runners: [runner(1), runner(2)])
        scheduler.adopt(request(1, adapter: 1), on: RunnerID(1), at: .zero)
        scheduler.adopt(request(2, adapter: 2), on: RunnerID(2), at: .zero)
        scheduler.submit(request(3, adapter: 1), at: .zero)
        scheduler.submit(request(4, adapter: 3), at: .zero)
        #expect(actions(&scheduler) == [.place(id(3), on: RunnerID(1)), .place(id(4), on: RunnerID(1))])
    }

    @Test func `rank-aware keeps a large rank away from many small ones`() {
        var scheduler = scheduler(RankAwarePolicy(), runners: [runner(1, batch: 8), runner(2, batch: 8)])
        scheduler.adopt(request(1, adapter: 1, rank: 64), on: RunnerID(1), at: .zero)
        for number in 2...4 as ClosedRange<UInt64> {
            scheduler.adopt(request(number, adapter: UInt8(number), rank: 8), on: RunnerID(2), at: .zero)
        }
        scheduler.submit(request(5, adapter: 5, rank: 128), at: .zero)
        scheduler.submit(request(6, adapter: 6, rank: 8), at: .zero)
        #expect(actions(&scheduler) == [.place(id(5), on: RunnerID(1)), .place(id(6), on: RunnerID(2))])
    }

    @Test func `machines are asked for when no lightly loaded runner is left, and idle ones given back`() {
        let scaling = ClusterConfiguration.Scaling(minRunners: 1, maxRunners: 3, grace: .seconds(10))
        var scheduler = scheduler(scaling: scaling)
        scheduler.tick(at: .zero)
        #expect(actions(&scheduler) == [.acquire(1)])
        scheduler.join(runner(1), at: .seconds(1))
        scheduler.tick(at: .seconds(1))
        #expect(actions(&scheduler).isEmpty)
        for number in 1...3 { scheduler.submit(request(UInt64(number)), at: .seconds(2)) }
        _ = actions(&scheduler)
        scheduler.tick(at: .seconds(2))
        #expect(actions(&scheduler) == [.acquire(1)])
        scheduler.tick(at: .seconds(3))
        #expect(actions(&scheduler).isEmpty, "one is on its way")
        scheduler.join(runner(2), at: .seconds(4))
        for number in 1...3 { scheduler.end(id(UInt64(number)), at: .seconds(5)) }
        scheduler.tick(at: .seconds(14))
        #expect(actions(&scheduler) == [.release(RunnerID(2))], "idle since it joined")
        scheduler.tick(at: .seconds(100))
        #expect(actions(&scheduler).isEmpty, "one stays in hand")
    }

    @Test func `a queue before the first runner is no reason for a machine each`() {
        var scheduler = scheduler(scaling: .init(minRunners: 1, maxRunners: 64))
        for number in 1...40 { scheduler.submit(request(UInt64(number)), at: .zero) }
        scheduler.tick(at: .zero)
        #expect(actions(&scheduler) == [.acquire(1)])
        scheduler.join(runner(1, batch: 8), at: .seconds(1))
        _ = actions(&scheduler)
        scheduler.tick(at: .seconds(2))
        #expect(actions(&scheduler) == [.acquire(5)], "32 wait, which is four batches, and one is to be in hand")
    }

    @Test func `what is left over of a queue is served by the machine that is to be in hand`() {
        for (count, machines) in [(9, 1), (10, 1), (13, 2), (16, 2), (17, 2)] {
            var scheduler = scheduler(
                scaling: .init(minRunners: 0, maxRunners: 64),
                runners: [runner(1, batch: 8)]
            )
            for number in 1...count { scheduler.submit(request(UInt64(number)), at: .zero) }
            _ = actions(&scheduler)
            scheduler.tick(at: .zero)
            #expect(actions(&scheduler) == [.acquire(machines)], "\(count) requests")
        }
    }

    @Test func `nothing is asked for before runners of an earlier scheduler may be back`() {
        var scheduler = scheduler(scaling: .init(minRunners: 2, maxRunners: 8, start: .seconds(2)))
        scheduler.tick(at: .seconds(1))
        #expect(actions(&scheduler).isEmpty)
        for number in 1...2 as ClosedRange<UInt128> { scheduler.join(runner(number), at: .seconds(1)) }
        scheduler.tick(at: .seconds(3))
        #expect(actions(&scheduler).isEmpty)
    }

    @Test func `machines that the pool could not give are asked for again`() {
        var scheduler = scheduler(scaling: .init(minRunners: 2, maxRunners: 8))
        scheduler.tick(at: .zero)
        #expect(actions(&scheduler) == [.acquire(2)])
        scheduler.acquisitionFailed(1)
        scheduler.tick(at: .seconds(1))
        #expect(actions(&scheduler) == [.acquire(1)])
        #expect(scheduler.awaitedMachines == 2)
    }
}
