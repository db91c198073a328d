import Adapters
import Backends
import Core
import Engine
import Models
import TestSupport
import Testing

/// Adapters that live in the blocks of the KV cache, as on a GPU.
@Suite struct AdapterMemoryTests {
    /// How much memory there is, and how much of it an adapter takes.
    struct Memory: Sendable {
        let blocks: Int
        let adapterBlocks: Int
        let isContiguous: Bool
    }

    /// With seeds from 4 on, steps begin while others run.
    @Test(
        arguments: [UInt64(1), 2, 3, 4, 5, 6],
        [
            Memory(blocks: 24, adapterBlocks: 5, isContiguous: false),
            Memory(blocks: 24, adapterBlocks: 5, isContiguous: true),
            Memory(blocks: 300, adapterBlocks: 70, isContiguous: true),
        ]
    )
    func `every request ends although adapters and keys contend for few blocks`(
        seed: UInt64,
        memory: Memory
    ) async throws {
        let adapters = try (0..<12).map { try dummyAdapter(seed: UInt64($0 + 1)) }
        let log = RunnerLog()
        let sizes = EngineConfiguration(
            maxSequences: 6,
            maxBatchedTokens: 16,
            maxWaiting: 500,
            maxSequenceLength: 64,
            blockSize: 4,
            blockCount: memory.blocks
        )
        let engine = try await EngineHandle.start(sizes) {
            LoadingRunner(
                blocks: memory.adapterBlocks,
                isContiguous: memory.isContiguous,
                delay: 3,
                slots: 4,
                runsAhead: seed > 3,
                log: log
            )
        }
        var random = SplitMix(seed: seed)
        try await withThrowingTaskGroup(of: Answer?.self) { group in
            for number in 0..<200 {
                let lease = Int.random(in: 0..<4, using: &random) == 0 ? nil : adapters.randomElement(using: &random)
                let promptCount = Int32.random(in: 1...20, using: &random)
                let request = GenerationRequest(
                    id: RequestID(UInt64(number)),
                    prompt: (0..<promptCount).map { TokenID($0) },
                    adapter: lease,
                    sampling: greedy(),
                    stop: StopConditions(
                        maxTokens: Int.random(in: 1...20, using: &random),
                        tokenIDs: [TokenID(promptCount + Int32.random(in: 0...30, using: &random))]
                    )
                )
                let leaves = Int.random(in: 0..<8, using: &random) == 0
                group.addTask {
                    if !leaves { return try await engine.answer(request) }
                    for await _ in try engine.submit(request) { break }
                    return nil
                }
            }
            for try await case let answer? in group {
                #expect(answer.ends.count == 1)
                #expect(answer.ids == answer.ids.sorted(), "the echo of each prompt counts up")
            }
        }
        await engine.stop()
        #expect(log.faults == [])
        let statistics = engine.statistics
        #expect(statistics.finished.failed == 0 && statistics.finished.total == 200)
        #expect(statistics.running == 0 && statistics.waiting == 0)
        #expect((log.ahead > 20) == (seed > 3), "\(log.ahead) steps began while others ran")
    }

    @Test func `an idle adapter stays until its blocks are needed`() async throws {
        let adapters = try (0..<4).map { try dummyAdapter(seed: UInt64($0 + 1)) }
        let log = RunnerLog()
        let sizes = EngineConfiguration(maxSequences: 2, maxSequenceLength: 32, blockSize: 4, blockCount: 24)
        let engine = try await EngineHandle.start(sizes) { LoadingRunner(blocks: 5, delay: 1, slots: 8, log: log) }
        for round in 0..<3 {
            for (number, adapter) in adapters.prefix(3).enumerated() {
                let id = RequestID(UInt64(round * 10 + number))
                _ = try await engine.answer(Self.request(id, adapter))
            }
        }
        #expect(log.installed == 3, "three adapters of five blocks fit beside the keys and stay")
        _ = try await engine.answer(Self.request(RequestID(100), adapters[3]))
        _ = try await engine.answer(Self.request(RequestID(101), adapters[0]))
        #expect(log.installed > 4, "the fourth takes the place of the one unused longest")
        await engine.stop()
        #expect(log.faults == [])
    }

    @Test func `an adapter that can never fit beside its prompt is refused`() async throws {
        let sizes = EngineConfiguration(maxSequences: 2, maxSequenceLength: 32, blockSize: 4, blockCount: 8)
        let log = RunnerLog()
        let engine = try await EngineHandle.start(sizes) { LoadingRunner(blocks: 7, delay: 0, slots: 8, log: log) }
        let adapter = try dummyAdapter(seed: 1)
        let answer = try await engine.answer(Self.request(RequestID(1), adapter))
        #expect(answer.ends == [.failed(.noRoom(blocks: 9, limit: 8))])
        await engine.stop()
    }

    @Test func `a sequence ends where its adapter leaves no more room`() async throws {
        let sizes = EngineConfiguration(maxSequences: 2, maxSequenceLength: 32, blockSize: 4, blockCount: 8)
        let log = RunnerLog()
        let engine = try await EngineHandle.start(sizes) { LoadingRunner(blocks: 4, delay: 0, slots: 8, log: log) }
        let answer = try await engine.answer(Self.request(RequestID(1), try dummyAdapter(seed: 1)))
        #expect(answer.ends == [.finished(.length)])
        #expect(answer.ids.count == 16 - 5)
        await engine.stop()
    }

    @Test func `a copy that fails fails all that wait for adapters, and the device`() async throws {
        let sizes = EngineConfiguration(maxSequences: 2, maxSequenceLength: 32, blockSize: 4, blockCount: 24)
        let log = RunnerLog()
        let engine = try await EngineHandle.start(sizes) {
            LoadingRunner(blocks: 5, delay: 1, slots: 8, failure: BackendError("the copy failed"), log: log)
        }
        let failed = Answer(ends: [.failed(.backend("the copy failed"))])
        #expect(try await engine.answer(Self.request(RequestID(1), try dummyAdapter(seed: 1))) == failed)
        #expect(engine.statistics.failure == "the copy failed")
        #expect(try await engine.answer(Self.request(RequestID(2), nil)) == failed)
        await engine.stop()
        #expect(engine.statistics.finished.failed == 2)
    }

    private static func request(_ id: RequestID, _ adapter: AdapterLease?) -> GenerationRequest {
        GenerationRequest(
            id: id,
            prompt: (0..<5).map { TokenID($0) },
            adapter: adapter,
            sampling: greedy(),
            stop: StopConditions(maxTokens: 20)
        )
    }
}
