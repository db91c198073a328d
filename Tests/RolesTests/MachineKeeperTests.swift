import Cluster
import Logging
import Testing

@testable import Roles

struct MachineKeeperTests {
    private struct Refusal: Error {}

    /// How many are missing of three, and after how long that is told.
    private func missing(_ acquire: @escaping @Sendable (Int) async throws -> [String]) async -> (Int, Duration) {
        let keeper = MachineKeeper(
            acquire: acquire,
            release: { _ in nil },
            pause: .milliseconds(100),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let start = ContinuousClock.now
        let count = await withCheckedContinuation { (continuation: CheckedContinuation<Int, Never>) in
            keeper.acquire(3, onGiven: { _ in }, onMissing: { continuation.resume(returning: $0) })
        }
        return (count, ContinuousClock.now - start)
    }

    @Test func `a pool that gave too little is left alone for a while`() async {
        let (missing, pause) = await missing { count in (1..<count).map { "machine-\($0)" } }
        #expect(missing == 1)
        #expect(pause >= .milliseconds(100))
    }

    @Test func `a pool that failed is left alone for a while`() async {
        let (missing, pause) = await missing { _ in throw Refusal() }
        #expect(missing == 3)
        #expect(pause >= .milliseconds(100))
    }

    @Test func `a machine that ends before its runner has joined is asked for again`() async throws {
        let (asked, ask) = AsyncStream.makeStream(of: Int.self)
        let (ended, end) = AsyncStream.makeStream(of: String.self)
        let keeper = MachineKeeper(
            acquire: { count in
                ask.yield(count)
                return ["machine-1"]
            },
            release: { _ in nil },
            ended: ended,
            pause: .milliseconds(10),
            logger: TestCluster.logger
        )
        var options = SchedulerRole.Options(
            listen: NetworkAddress(host: "127.0.0.1", port: 0),
            security: .open,
            configuration: ClusterConfiguration(scaling: .init(minRunners: 1, maxRunners: 4))
        )
        options.machines = keeper
        let role = SchedulerRole(options, logger: TestCluster.logger)
        let serving = Task { try await role.run() }
        var requests = asked.makeAsyncIterator()
        #expect(await requests.next() == 1)
        end.yield("machine-2")
        // Told until it counts: the first may come before the name is known.
        let telling = Task {
            while !Task.isCancelled {
                end.yield("machine-1")
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
        #expect(await requests.next() == 1)
        telling.cancel()
        serving.cancel()
        _ = await serving.result
    }
}
