import Adapters
import Backends
import Core
import Engine
import Models
import Testing
import Weights

/// What has gone wrong in other servers; `docs/traps.md` says where.
@Suite struct Traps {
    private func engine(_ fixture: GoldenFixture, sequences: Int = 16) async throws -> EngineHandle {
        try await fixture.start(
            EngineConfiguration(
                maxSequences: sequences,
                maxBatchedTokens: 64,
                maxSequenceLength: 96,
                blockSize: 4,
                blockCount: 200
            )
        )
    }

    private func request(_ id: Int, adapter: AdapterLease?, prompt: [Int32] = [7, 8, 9, 10, 11, 12, 13, 14, 15])
        -> GenerationRequest
    {
        var sampling = greedy()
        sampling.topLogprobs = 0
        return GenerationRequest(
            id: RequestID(UInt64(id)),
            prompt: prompt.map { TokenID($0) },
            adapter: adapter,
            sampling: sampling,
            stop: StopConditions(maxTokens: 12)
        )
    }

    /// Asks for each of the adapters at once; nil is the base.
    private func answers(_ adapters: [AdapterLease?], on engine: EngineHandle) async throws -> [Answer] {
        try await withThrowingTaskGroup(of: (Int, Answer).self) { group in
            for (number, adapter) in adapters.enumerated() {
                group.addTask { (number, try await engine.answer(request(number, adapter: adapter))) }
            }
            let found = try await group.reduce(into: [Int: Answer]()) { $0[$1.0] = $1.1 }
            return adapters.indices.compactMap { found[$0] }
        }
    }

    @Test func `a step with more adapters than the step before loses none`() async throws {
        let fixture = try GoldenFixture("llama2")
        let engine = try await engine(fixture)
        let adapters = fixture.adapters.map { Optional($0) }
        var alone: [Answer] = []
        for adapter in adapters { alone += try await answers([adapter], on: engine) }
        for count in [1, 4, adapters.count, 2, adapters.count] {
            #expect(try await answers(Array(adapters.prefix(count)), on: engine) == Array(alone.prefix(count)))
        }
        await engine.stop()
    }

    @Test func `bare base rows between every adapter there is are base rows`() async throws {
        let fixture = try GoldenFixture("llama2")
        let engine = try await engine(fixture, sequences: 32)
        let base = try await answers([nil], on: engine)[0]
        let mixed: [AdapterLease?] = fixture.adapters.flatMap { [Optional($0), nil] }
        let found = try await answers(mixed, on: engine)
        for position in stride(from: 1, to: found.count, by: 2) { #expect(found[position] == base) }
        for position in stride(from: 0, to: found.count, by: 2) {
            #expect(found[position].tokens != base.tokens, "adapter \(mixed[position]?.name ?? "") does nothing")
        }
        await engine.stop()
    }

    @Test func `a slot that held a large rank serves a small one like a fresh slot`() throws {
        let fixture = try GoldenFixture("llama2")
        let byRank = fixture.adapters.sorted { $0.adapter.maxRank > $1.adapter.maxRank }
        let (large, small) = (byRank[0].adapter, byRank[byRank.count - 1].adapter)
        #expect(large.maxRank > small.maxRank)
        func logits(after earlier: LoadedAdapter?) throws -> [[Float]] {
            let limits = BatchLimits(tokens: 8, sequences: 1, pages: 2)
            var runner = try LlamaRunner(
                fixture.checkpoint,
                fixture.configuration,
                RunnerSizes(limits: limits, blocks: 2, blockSize: 8, positions: 16),
                on: CPUBackend(limits: limits, vocabularySize: fixture.configuration.vocabularySize, threads: 1)
            )
            if let earlier, let slot = runner.install(earlier, in: []) {
                _ = try runner.logits(batch(slot))
                runner.remove(slot)
            }
            let installed = runner.install(small, in: [])
            let slot = try #require(installed)
            #expect(slot == AdapterSlot(0))
            return try runner.logits(batch(slot))
        }
        #expect(try logits(after: large) == logits(after: nil))
    }

    private func batch(_ slot: AdapterSlot) -> Batch {
        var batch = Batch()
        batch.tokens = (0..<6).map { TokenID($0 + 3) }
        batch.positions = [0, 1, 2, 3, 4, 5]
        batch.kvPositions = [0, 1, 2, 3, 4, 5]
        batch.pageIndices = [0]
        batch.closeSequence(slot: slot, wantsToken: true)
        return batch
    }

    @Test func `the same prompt under every adapter and the base shares no cached prefix`() async throws {
        let fixture = try GoldenFixture("llama31")
        let fresh = try await engine(fixture)
        let all: [AdapterLease?] = fixture.adapters.map { Optional($0) } + [nil]
        var expected: [Answer] = []
        for adapter in all {
            let alone = try await engine(fixture)
            expected += try await answers([adapter], on: alone)
            await alone.stop()
        }
        // In both orders, and each twice, so that the second finds what the first left.
        for order in [Array(all.indices), Array(all.indices.reversed())] {
            for index in order {
                for _ in 0..<2 { #expect(try await answers([all[index]], on: fresh) == [expected[index]]) }
            }
        }
        try await Task.sleep(for: .milliseconds(100))
        #expect(fresh.statistics.prefixHitTokens > 0)
        await fresh.stop()
    }

    @Test func `rapid alternation of two adapters under load mixes nothing up`() async throws {
        let fixture = try GoldenFixture("qwen3")
        let engine = try await engine(fixture, sequences: 6)
        let pair = fixture.adapters.prefix(2).map { Optional($0) }
        let expected = [try await answers([pair[0]], on: engine)[0], try await answers([pair[1]], on: engine)[0]]
        #expect(expected[0] != expected[1])
        let alternating = (0..<120).map { pair[$0 % 2] }
        for (number, answer) in try await answers(alternating, on: engine).enumerated() {
            #expect(answer == expected[number % 2])
        }
        await engine.stop()
    }

    @Test func `head and embedding adapters keep to their own rows under load`() async throws {
        for model in ["llama2", "qwen2"] {
            let fixture = try GoldenFixture(model)
            let engine = try await engine(fixture)
            let special = fixture.adapters.filter { $0.adapter.head != nil || $0.adapter.embedding != nil }
            #expect(!special.isEmpty)
            let others = fixture.adapters.filter { $0.adapter.head == nil && $0.adapter.embedding == nil }
            let mixed: [AdapterLease?] = special.flatMap { [Optional($0), nil, others.first] }
            var expected: [Answer] = []
            for adapter in mixed { expected += try await answers([adapter], on: engine) }
            for _ in 0..<5 {
                for (number, found) in try await answers(mixed, on: engine).enumerated() {
                    #expect(found == expected[number], "\(model), adapter \(mixed[number]?.name ?? "none")")
                }
            }
            await engine.stop()
        }
    }

    @Test func `a rarely used adapter is served in its turn however many others wait`() async throws {
        let configuration = EngineConfiguration(
            maxSequences: 4,
            maxBatchedTokens: 16,
            maxSequenceLength: 32,
            blockSize: 4,
            blockCount: 64
        )
        let engine = try await EngineHandle.start(configuration) { EchoRunner(vocabularySize: 100) }
        let fixture = try GoldenFixture("llama2")
        let (hot, cold) = (fixture.adapters[0], fixture.adapters[1])
        let order = try await withThrowingTaskGroup(of: Int.self) { group in
            // All are queued before the first ends: the streams are made here, in order.
            for number in 0..<200 {
                let adapter = number == 100 ? cold : hot
                let stream = try engine.submit(request(number, adapter: adapter))
                group.addTask {
                    for await _ in stream {}
                    return number
                }
            }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        let place = try #require(order.firstIndex(of: 100))
        // Four run at once, and readers are scheduled as they come: a few places up or down, but no more.
        #expect((85...115).contains(place), "request 100 ended as number \(place)")
        await engine.stop()
    }
}
