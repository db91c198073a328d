import Cluster
import ClusterProtocol
import Core
import Testing

@testable import Roles

extension SchedulerDesk {
    fileprivate func count(on names: Set<String>) { comingMachines.formUnion(names) }
}

struct SchedulerDeskTests {
    private func query(attempt: UInt32) -> PlacementQuery {
        PlacementQuery(request: RequestID(1), attempt: attempt, promptTokens: 2, generatedTokens: 0, maxTokens: 10)
    }

    /// The attempts that the answers to these questions name, in order.
    private func answers(to attempts: [UInt32]) async throws -> [UInt32] {
        let desk = SchedulerDesk(
            ClusterConfiguration(),
            machines: nil,
            timeouts: TestCluster.timeouts,
            logger: TestCluster.logger
        )
        let registration = RunnerRegistration(
            description: RunnerDescription(id: RunnerID(5), maxBatch: 4, blockCount: 100, blockSize: 16),
            incarnation: 1,
            address: "127.0.0.1:1",
            model: "bytes"
        )
        _ = try await desk.attach(registration, orders: AsyncStream.makeStream(of: RunnerOrder.self).continuation)
        let (orders, continuation) = AsyncStream.makeStream(of: FrontendOrder.self)
        let connection = try await desk.follow(7, requests: [], orders: continuation)
        for attempt in attempts { try await desk.hear(.submit(query(attempt: attempt)), from: 7, connection) }
        continuation.finish()
        return await orders.reduce(into: []) { named, order in
            if case .place(_, let attempt, _, _) = order { named.append(attempt) }
        }
    }

    @Test func `a question is answered once, and never after a later one of the same request`() async throws {
        #expect(try await answers(to: [1, 1, 2, 1, 2, 3]) == [1, 2, 3])
    }

    @Test func `a machine that ends before its runner joins is no longer counted on, and no other`() async {
        let desk = SchedulerDesk(
            ClusterConfiguration(),
            machines: nil,
            timeouts: TestCluster.timeouts,
            logger: TestCluster.logger
        )
        await desk.count(on: ["a", "b"])
        await desk.machineEnded("a")
        await desk.machineEnded("c")
        #expect(await desk.comingMachines == ["b"])
    }

    @Test func `questions are counted past the largest number`() async throws {
        #expect(try await answers(to: [.max - 1, .max, 0, .max, 1]) == [.max - 1, .max, 0, 1])
    }
}
