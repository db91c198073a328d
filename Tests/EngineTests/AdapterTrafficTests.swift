import Adapters
import Core
import Engine
import Models
import TestSupport
import Testing

/// Many requests for many adapters in little memory: who is served when, and at what cost in loads.
@Suite struct AdapterTraffic {
    private func request(_ id: Int, _ adapter: AdapterLease?, prompt: Int, max: Int) -> GenerationRequest {
        GenerationRequest(
            id: RequestID(UInt64(id)),
            // Nothing is shared, so that each takes its blocks.
            prompt: (0..<prompt).map { TokenID(Int32((id * 7 + $0 * $0) % 63)) },
            adapter: adapter,
            sampling: greedy(),
            stop: StopConditions(maxTokens: max)
        )
    }

    /// Queues all at once, in order; returns their numbers in the order in which they ended.
    private func serve(_ requests: [GenerationRequest], on engine: EngineHandle) async throws -> [Int] {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for (number, request) in requests.enumerated() {
                let stream = try engine.submit(request)
                group.addTask {
                    var last: GenerationEvent?
                    for await event in stream { last = event }
                    #expect(last == .finished(.length))
                    return number
                }
            }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
    }

    @Test func `an adapter's request that needs most of the memory is served before those that came after it`()
        async throws
    {
        let sizes = EngineConfiguration(
            maxSequences: 8,
            maxBatchedTokens: 64,
            maxSequenceLength: 64,
            blockSize: 4,
            blockCount: 24,
            sharesPrefixes: false
        )
        let log = RunnerLog()
        let engine = try await EngineHandle.start(sizes) {
            LoadingRunner(blocks: 10, delay: 1, slots: 8, pause: 0.001, log: log)
        }
        let adapter = try dummyAdapter(seed: 1)
        // The adapter and its prompt take 21 blocks, each of the others at most 4.
        let requests = (0..<200).map { number in
            number == 10
                ? request(number, adapter, prompt: 40, max: 4) : request(number, nil, prompt: 5, max: 9)
        }
        let order = try await serve(requests, on: engine)
        let place = try #require(order.firstIndex(of: 10))
        #expect(place < 60, "it ended as number \(place)")
        await engine.stop()
        #expect(log.faults == [])
    }

    /// How requests spread over adapters.
    enum Popularity: CaseIterable { case roundRobin, skewed }

    /// How many adapters fit beside a few sequences, and how many questions long they are on their way.
    struct Memory: Sendable {
        let blocks: Int
        let adapterBlocks: Int
        let delay: Int
        /// Whether steps begin while others run.
        var runsAhead = false
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: Popularity.allCases,
        [
            Memory(blocks: 64, adapterBlocks: 5, delay: 3), Memory(blocks: 48, adapterBlocks: 20, delay: 10),
            Memory(blocks: 64, adapterBlocks: 5, delay: 3, runsAhead: true),
        ]
    )
    func `an adapter that is brought is used`(popularity: Popularity, memory: Memory) async throws {
        let sizes = EngineConfiguration(
            maxSequences: 32,
            maxBatchedTokens: 64,
            maxSequenceLength: 64,
            blockSize: 4,
            blockCount: memory.blocks,
            sharesPrefixes: false
        )
        let log = RunnerLog()
        let engine = try await EngineHandle.start(sizes) {
            LoadingRunner(
                blocks: memory.adapterBlocks,
                delay: memory.delay,
                slots: 64,
                runsAhead: memory.runsAhead,
                log: log
            )
        }
        let requests = try makeRequests(200, popularity)
        let order = try await serve(requests, on: engine)
        #expect(order.count == requests.count)
        await engine.stop()
        #expect(log.faults == [])
        let statistics = engine.statistics
        // Each start needs one load at most.
        let starts = requests.count + statistics.preemptions
        #expect(statistics.adapterLoads <= starts * 5 / 4, "\(statistics.adapterLoads) loads for \(starts) starts")
        #expect(statistics.adapterLoads == log.installed)
        #expect((log.ahead > 20) == memory.runsAhead, "\(log.ahead) steps began while others ran")
    }

    /// Requests for 64 adapters, and some for none.
    private func makeRequests(_ count: Int, _ popularity: Popularity) throws -> [GenerationRequest] {
        let adapters = try (0..<64).map { try dummyAdapter(seed: UInt64($0 + 1)) }
        var random = SplitMix(seed: 5)
        return (0..<count).map { number in
            // The least of three even draws: a third of the requests are for an eighth of the adapters.
            let draws = (0..<3).map { _ in Int.random(in: 0..<64, using: &random) }
            let pick = popularity == .roundRobin ? number % 64 : draws.min() ?? 0
            let isBase = Int.random(in: 0..<5, using: &random) == 0
            return request(
                number,
                isBase ? nil : adapters[pick],
                prompt: Int.random(in: 1...20, using: &random),
                max: Int.random(in: 1...24, using: &random)
            )
        }
    }
}
