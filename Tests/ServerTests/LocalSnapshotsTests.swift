import Adapters
import Cluster
import Core
import Engine
import FrontendFakes
import Synchronization
import Testing

@testable import Frontend
@testable import Server

struct LocalSnapshotsTests {
    @Test func `one machine is a cluster of one runner`() async throws {
        let bench = try Bench()
        bench.source.change {
            $0.running = 3
            $0.waiting = 2
            $0.blockCount = 100
            $0.freeBlocks = 40
            $0.cachedBlocks = 10
            $0.adapterBlocks = 5
        }
        let snapshot = await bench.snapshot(at: 10)
        #expect(snapshot.time == 10)
        #expect(snapshot.queued == 2)
        #expect(snapshot.running == 3)
        #expect(snapshot.capacity == 4)
        let runner = try #require(snapshot.runners.items.first)
        #expect(runner.name == "CPU")
        #expect(runner.state == .active)
        #expect(
            [runner.batch, runner.blockCount, runner.freeBlocks, runner.cachedBlocks, runner.adapterBlocks] == [
                3, 100, 40, 10, 5,
            ]
        )
        #expect(runner.tokensPerSecond == 0)
        #expect(snapshot.firstToken == nil)
    }

    @Test func `rates are what came since the last look`() async throws {
        let bench = try Bench()
        bench.source.change { $0.generatedTokens = 1000 }
        _ = await bench.snapshot(at: 10)
        bench.source.change {
            $0.generatedTokens = 1050
            $0.stepSeconds.observe(0.02)
            $0.stepSeconds.observe(0.04)
        }
        let busy = await bench.snapshot(at: 12)
        #expect(busy.tokensPerSecond == 25)
        #expect(abs((busy.runners.items.first?.stepSeconds ?? 0) - 0.03) < 1e-12)
        // Too soon to say anything new.
        #expect(await bench.snapshot(at: 12.1).tokensPerSecond == 25)
        let idle = await bench.snapshot(at: 13)
        #expect(idle.tokensPerSecond == 0)
        #expect(idle.runners.items.first?.stepSeconds == 0)
    }

    @Test func `what runs short becomes an event`() async throws {
        let bench = try Bench()
        _ = await bench.snapshot(at: 1)
        bench.source.change { $0.preemptions = 3 }
        let snapshot = await bench.snapshot(at: 2)
        #expect(snapshot.events.items.map(\.kind) == [.preempted])
        #expect(snapshot.events.items.first?.text == "3 sequences put back for lack of memory")
        #expect(await bench.snapshot(at: 3).events.count == 1)
        for second in 4..<200 {
            bench.source.change { $0.preemptions += 1 }
            _ = await bench.snapshot(at: Double(second))
        }
        let events = await bench.snapshot(at: 200).events
        #expect(events.items.count == ClusterSnapshot.eventLimit)
        #expect(events.items.last?.time == 199)
    }

    @Test func `adapters in use come first and say where they are`() async throws {
        let bench = try Bench()
        for (name, directory) in [("a", "/tmp"), ("b", "/usr"), ("c", "/etc")] {
            _ = try await bench.adapters.register(name: name, directory: directory)
        }
        let lease = try await bench.adapters.lease(name: "c")
        bench.source.change { $0.runningAdapters = ["c"] }
        let shown = try #require(await bench.snapshot(at: 1).runners.items.first).adapters
        #expect(shown.items.map(\.name) == ["c", "b", "a"] || shown.items.map(\.name) == ["c", "a", "b"])
        // Room for two only: one of the idle has left memory.
        #expect(shown.items.map(\.tier) == [.device, .host, .disk])
        #expect(shown.items.map(\.requests) == [1, 0, 0])
        #expect(shown.items.first?.digest == lease.adapter.digest.short)
        withExtendedLifetime(lease) {}
    }

    @Test func `percentiles are of the last minute`() throws {
        let metrics = RequestMetrics()
        var latencies = RecentLatencies()
        latencies.record(metrics.snapshot, at: 0)
        for _ in 0..<100 { metrics.nextToken(after: 0.9) }
        latencies.record(metrics.snapshot, at: 1)
        #expect(try #require(latencies.interToken).p50 > 0.7)
        #expect(latencies.firstToken == nil)
        for second in 2...62 {
            metrics.nextToken(after: 0.011)
            metrics.firstToken(after: 0.2)
            latencies.record(metrics.snapshot, at: Double(second))
        }
        let recent = try #require(latencies.interToken)
        #expect((0.01...0.0125).contains(recent.p50))
        #expect((0.01...0.0125).contains(recent.p99))
        #expect((0.15...0.25).contains(try #require(latencies.firstToken).p95))
        for second in 63...130 { latencies.record(metrics.snapshot, at: Double(second)) }
        #expect(latencies.interToken == nil)
    }
}

/// A service of one machine whose engine does what it is told and whose clock stands still.
private struct Bench {
    let source = MeteredSource()
    let adapters: AdapterStore
    private let clock = ManualClock()
    private let snapshots: LocalSnapshots

    init() throws {
        adapters = try AdapterStore(budgetBytes: 2000) { TestServer.adapter(in: $0) }
        let frontend = Frontend(model: try TestModel.make(), source: source, adapters: adapters)
        snapshots = LocalSnapshots(
            frontend: frontend,
            adapters: adapters,
            runnerName: "CPU",
            maxBatch: 4
        ) { [clock] in clock.time.withLock { $0 } }
    }

    func snapshot(at time: Double) async -> ClusterSnapshot {
        clock.time.withLock { $0 = time }
        return await snapshots.snapshot()
    }
}

private final class ManualClock: Sendable {
    let time = Mutex(0.0)
}

/// A token source with counters and without tokens.
private final class MeteredSource: TokenSource {
    private let counters = Mutex(EngineStatistics())

    var statistics: EngineStatistics { counters.withLock { $0 } }

    func change(_ body: (inout EngineStatistics) -> Void) { counters.withLock { body(&$0) } }
    func submit(_ request: GenerationRequest) throws(EngineError) -> GenerationEvents { throw .draining }
    func cancel(_ id: RequestID) {}
}
