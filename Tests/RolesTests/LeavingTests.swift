import Cluster
import ClusterProtocol
import Core
import Synchronization
import Testing

@testable import Roles

/// When a runner ends.
struct LeavingTests {
    private func link(to scheduler: NetworkAddress, _ draining: Flag, openCount: @escaping @Sendable () -> Int)
        -> RunnerLink
    {
        RunnerLink(
            scheduler: scheduler,
            security: .open,
            timeouts: TestCluster.timeouts,
            logger: TestCluster.logger,
            description: RunnerDescription(id: RunnerID(5), maxBatch: 4, blockCount: 100, blockSize: 16),
            address: "127.0.0.1:1",
            model: "bytes",
            report: { RunnerReport(freeBlocks: 100, running: 0) },
            isDraining: draining,
            openCount: openCount
        )
    }

    @Test func `a runner told to stop lets its streams leave first`() async throws {
        let scheduler = try await TestCluster.startScheduler(NetworkAddress(host: "127.0.0.1", port: 0))
        let draining = Flag()
        draining.set()
        let looks = Atomic<Int>(0)
        // The scheduler knows of no request, so it says stop at once; a stream is still here for twenty looks.
        await link(to: scheduler.address, draining) {
            looks.wrappingAdd(1, ordering: .relaxed).newValue < 20 ? 1 : 0
        }.run()
        #expect(looks.load(ordering: .relaxed) == 20)
        await scheduler.end()
    }

    @Test(.timeLimit(.minutes(10)), arguments: [0, 3])
    func `a draining runner without a scheduler ends when it is empty`(streams: Int) async {
        let draining = Flag()
        draining.set()
        let looks = Atomic<Int>(0)
        // Nobody listens there.
        await link(to: NetworkAddress(host: "127.0.0.1", port: 1), draining) {
            max(0, streams - looks.wrappingAdd(1, ordering: .relaxed).oldValue)
        }.run()
        #expect(looks.load(ordering: .relaxed) == streams + 1)
    }
}
