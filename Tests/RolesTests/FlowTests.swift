import Cluster
import ClusterProtocol
import Core
import Engine
import Testing

@testable import Roles

/// A whole cluster in one process, over real sockets.
@Suite(.serialized, .timeLimit(.minutes(10))) struct FlowTests {
    @Test func `a request is answered, and leaves nothing behind`() async throws {
        let cluster = try await TestCluster()
        let source = SteadySource()
        let runner = try await cluster.startRunner(source, id: 1)
        let answer = try await cluster.answer(cluster.request(seed: 7))
        #expect(answer == .undisturbed(seed: 7, count: 50))
        #expect(try await eventually { source.openCount == 0 })
        #expect(cluster.source.statistics.running == 0)
        #expect(cluster.source.statistics.finished.length == 1)
        await runner.end()
        await cluster.end()
    }

    @Test func `a request waits until a runner comes`() async throws {
        let cluster = try await TestCluster()
        async let answer = cluster.answer(cluster.request(seed: 3))
        try await Task.sleep(for: .milliseconds(300))
        #expect(cluster.source.statistics.waiting == 1)
        let runner = try await cluster.startRunner(SteadySource(), id: 1)
        #expect(try await answer == .undisturbed(seed: 3, count: 50))
        await runner.end()
        await cluster.end()
    }

    @Test func `a lost runner's requests go on elsewhere`() async throws {
        let cluster = try await TestCluster()
        let sources = [SteadySource(), SteadySource()]
        let first = try await cluster.startRunner(sources[0], id: 9)
        async let answers = withThrowingTaskGroup(of: Bool.self) { group in
            for seed in 1...6 {
                group.addTask {
                    let answer = try await cluster.answer(cluster.request(seed: UInt64(seed), maxTokens: 200))
                    return answer == .undisturbed(seed: UInt64(seed), count: 200)
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(try await eventually { sources[0].openCount == 6 })
        let second = try await cluster.startRunner(sources[1], id: 2)
        await first.end()
        #expect(try await answers == 6)
        // More where a busy machine made a stream look silent.
        #expect(sources[1].submittedCount >= 6)
        await second.end()
        await cluster.end()
    }

    @Test func `running streams outlive the scheduler, and new requests wait for its return`() async throws {
        let cluster = try await TestCluster()
        let source = SteadySource(pace: .milliseconds(5))
        let runner = try await cluster.startRunner(source, id: 1)
        async let running = cluster.answer(cluster.request(seed: 1, maxTokens: 300))
        #expect(try await eventually { source.openCount == 1 })
        await cluster.endScheduler()
        async let waiting = cluster.answer(cluster.request(seed: 2))
        try await Task.sleep(for: .milliseconds(500))
        #expect(cluster.source.statistics.waiting == 1 && cluster.source.statistics.running == 1)
        try await cluster.restartScheduler()
        #expect(try await waiting == .undisturbed(seed: 2, count: 50))
        #expect(try await running == .undisturbed(seed: 1, count: 300))
        // The one that ran was adopted where it was.
        #expect(source.submittedCount == 2)
        await runner.end()
        await cluster.end()
    }

    @Test func `forced moves change no answer`() async throws {
        let cluster = try await TestCluster()
        let sources = (0..<3).map { _ in SteadySource(pace: .milliseconds(4)) }
        var runners: [TestCluster.Part] = []
        for (index, source) in sources.enumerated() {
            runners.append(try await cluster.startRunner(source, id: UInt128(index + 1)))
        }
        // On a busy machine requests may be long in coming, and an operator's word longer than the four seconds that they
        // run: then they run again.
        var moves = 0
        for _ in 0..<4 where moves == 0 {
            moves = try await Self.movesWhileAnswering(cluster, sources)
        }
        #expect(moves > 0)
        #expect(try await eventually { sources.allSatisfy { $0.openCount == 0 } })
        for runner in runners { await runner.end() }
        await cluster.end()
    }

    /// Has eight requests answered while requests are moved, and tells how often one was.
    private static func movesWhileAnswering(_ cluster: TestCluster, _ sources: [SteadySource]) async throws -> Int {
        async let answers = withThrowingTaskGroup(of: Bool.self) { group in
            for seed in 1...8 {
                group.addTask {
                    let answer = try await cluster.answer(cluster.request(seed: UInt64(seed), maxTokens: 1000))
                    return answer == .undisturbed(seed: UInt64(seed), count: 1000)
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(try await eventually { sources.contains { $0.openCount > 0 } })
        var moves = 0
        for _ in 0..<60 {
            if try await cluster.operate(.moveAny) == "one request moves" { moves += 1 }
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(try await answers == 8)
        return moves
    }

    @Test func `a drained runner is emptied and told to stop`() async throws {
        let cluster = try await TestCluster()
        let sources = [SteadySource(pace: .milliseconds(5)), SteadySource()]
        let first = try await cluster.startRunner(sources[0], id: 9)
        async let answer = cluster.answer(cluster.request(seed: 4, maxTokens: 200))
        #expect(try await eventually { sources[0].openCount == 1 })
        let second = try await cluster.startRunner(sources[1], id: 2)
        #expect(try await cluster.operate(.drain(RunnerID(9))).hasSuffix("is draining"))
        #expect(try await answer == .undisturbed(seed: 4, count: 200))
        // Ends by itself.
        _ = await first.task.result
        #expect(sources[1].submittedCount == 1)
        await second.end()
        await cluster.end()
    }

    @Test func `a cancelled request ends at its runner too`() async throws {
        let cluster = try await TestCluster()
        let source = SteadySource(pace: .milliseconds(20))
        let runner = try await cluster.startRunner(source, id: 1)
        let request = cluster.request(maxTokens: 10_000)
        var events = try cluster.source.submit(request).makeAsyncIterator()
        _ = await events.next()
        cluster.source.cancel(request.id)
        var last: GenerationEvent?
        while let event = await events.next() { last = event }
        #expect(last == .finished(.cancelled))
        #expect(try await eventually { source.openCount == 0 })
        await runner.end()
        await cluster.end()
    }

    @Test func `a runner that fails everything is left for one that does not`() async throws {
        let cluster = try await TestCluster()
        let (broken, whole) = (SteadySource(), SteadySource())
        broken.isBroken = true
        let first = try await cluster.startRunner(broken, id: 9)
        let second = try await cluster.startRunner(whole, id: 2)
        #expect(try await cluster.answer(cluster.request(seed: 5)) == .undisturbed(seed: 5, count: 50))
        await first.end()
        await second.end()
        await cluster.end()
    }

    @Test func `more requests than may wait are refused`() async throws {
        let cluster = try await TestCluster()
        let streams = try (0..<50).map { _ in try cluster.source.submit(cluster.request()) }
        #expect(throws: EngineError.queueFull(limit: 50)) { _ = try cluster.source.submit(cluster.request()) }
        // Those that wait end when the frontend does.
        await cluster.end()
        for stream in streams {
            var events = stream.makeAsyncIterator()
            #expect(await events.next() == .finished(.cancelled))
            #expect(await events.next() == nil)
        }
    }
}
