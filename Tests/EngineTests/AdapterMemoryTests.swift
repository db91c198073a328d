import Adapters
import Backends
import Core
import Engine
import JSON
import Models
import Sampling
import Synchronization
import TestSupport
import Testing
import Weights

/// Adapters that live in the blocks of the KV cache, as on a GPU.
@Suite struct AdapterMemoryTests {
    @Test(arguments: [UInt64(1), 2, 3, 4])
    func `every request ends although adapters and keys contend for few blocks`(seed: UInt64) async throws {
        let adapters = try (0..<12).map { try Self.adapter(seed: UInt64($0 + 1)) }
        let log = RunnerLog()
        let sizes = EngineConfiguration(
            maxSequences: 6,
            maxBatchedTokens: 16,
            maxWaiting: 500,
            maxSequenceLength: 64,
            blockSize: 4,
            blockCount: 24
        )
        let engine = try await EngineHandle.start(sizes) { LoadingRunner(blocks: 5, delay: 3, slots: 4, log: log) }
        var random = SplitMix(seed: seed)
        try await withThrowingTaskGroup(of: Answer.self) { group in
            for number in 0..<200 {
                let lease = Int.random(in: 0..<4, using: &random) == 0 ? nil : adapters.randomElement(using: &random)
                let request = GenerationRequest(
                    id: RequestID(UInt64(number)),
                    prompt: (0..<Int.random(in: 1...20, using: &random)).map { TokenID(Int32($0)) },
                    adapter: lease,
                    sampling: greedy(),
                    stop: StopConditions(maxTokens: Int.random(in: 1...20, using: &random))
                )
                group.addTask { try await engine.answer(request) }
            }
            for try await answer in group {
                #expect(answer.ends.count == 1)
                #expect(answer.ids == answer.ids.sorted(), "the echo of each prompt counts up")
            }
        }
        await engine.stop()
        #expect(log.faults == [])
        let statistics = engine.statistics
        #expect(statistics.finished.failed == 0)
        #expect(statistics.running == 0 && statistics.waiting == 0)
    }

    @Test func `an idle adapter stays until its blocks are needed`() async throws {
        let adapters = try (0..<4).map { try Self.adapter(seed: UInt64($0 + 1)) }
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
        let adapter = try Self.adapter(seed: 1)
        let answer = try await engine.answer(Self.request(RequestID(1), adapter))
        #expect(answer.ends == [.failed(.noRoom(blocks: 9, limit: 8))])
        await engine.stop()
    }

    @Test func `a sequence ends where its adapter leaves no more room`() async throws {
        let sizes = EngineConfiguration(maxSequences: 2, maxSequenceLength: 32, blockSize: 4, blockCount: 8)
        let log = RunnerLog()
        let engine = try await EngineHandle.start(sizes) { LoadingRunner(blocks: 4, delay: 0, slots: 8, log: log) }
        let answer = try await engine.answer(Self.request(RequestID(1), try Self.adapter(seed: 1)))
        #expect(answer.ends == [.finished(.length)])
        #expect(answer.ids.count == 16 - 5)
        await engine.stop()
    }

    private static func request(_ id: RequestID, _ adapter: AdapterLease) -> GenerationRequest {
        GenerationRequest(
            id: id,
            prompt: (0..<5).map { TokenID($0) },
            adapter: adapter,
            sampling: greedy(),
            stop: StopConditions(maxTokens: 20)
        )
    }

    private static func adapter(seed: UInt64) throws -> AdapterLease {
        let text = """
            {"architectures":["LlamaForCausalLM"],"hidden_size":8,"intermediate_size":16,"num_hidden_layers":1,
            "num_attention_heads":2,"num_key_value_heads":1,"vocab_size":64,"max_position_embeddings":64,
            "rms_norm_eps":1e-5,"hidden_act":"silu","tie_word_embeddings":false,"torch_dtype":"float32"}
            """
        let model = try ModelConfiguration(parsing: Array(text.utf8), generation: nil)
        return AdapterLease(name: "a\(seed)", adapter: try .dummy(model: model, rank: 2, seed: seed))
    }
}

/// What a `LoadingRunner` was asked to do, and what of it was wrong.
private final class RunnerLog: Sendable {
    private let state = Mutex((installed: 0, faults: [String]()))

    var installed: Int { state.withLock { $0.installed } }
    var faults: [String] { state.withLock { $0.faults } }
    func install() { state.withLock { $0.installed += 1 } }
    func fault(_ text: String) { state.withLock { $0.faults.append(text) } }
}

/// An echo whose adapters take blocks and arrive some questions after they were sent for; it notes every misuse.
private struct LoadingRunner: ModelRunner, ~Copyable {
    let vocabularySize = 64
    let blocks: Int
    let delay: Int
    let log: RunnerLog
    private var slots: [(blocks: [BlockID], questions: Int)?]

    init(blocks: Int, delay: Int, slots: Int, log: RunnerLog) {
        self.blocks = blocks
        self.delay = delay
        self.log = log
        self.slots = Array(repeating: nil, count: slots)
    }

    func footprint(of adapter: LoadedAdapter) -> AdapterFootprint {
        AdapterFootprint(blocks: blocks, mustBeContiguous: false)
    }

    mutating func install(_ adapter: LoadedAdapter, in blocks: [BlockID]) -> AdapterSlot? {
        guard let free = slots.firstIndex(where: { $0 == nil }) else { return nil }
        let taken = Set(slots.compactMap { $0?.blocks }.joined())
        if blocks.count != self.blocks { log.fault("\(blocks.count) blocks") }
        if !taken.isDisjoint(with: blocks) { log.fault("a block holds two adapters") }
        slots[free] = (blocks, 0)
        log.install()
        return AdapterSlot(Int32(free))
    }

    mutating func hasLanded(_ slot: AdapterSlot) -> Bool {
        let number = Int(slot.rawValue)
        slots[number]?.questions += 1
        return (slots[number]?.questions ?? 0) > delay
    }

    mutating func remove(_ slot: AdapterSlot) {
        let entry = slots[Int(slot.rawValue)]
        if (entry?.questions ?? 0) <= delay { log.fault("slot \(slot) was removed on its way") }
        slots[Int(slot.rawValue)] = nil
    }

    mutating func run(
        _ batch: borrowing Batch,
        _ requests: borrowing [SamplingRequest],
        into outputs: inout [SampledToken?]
    ) throws(BackendError) {
        let adapters = Set(slots.compactMap { $0?.blocks }.joined())
        for index in 0..<batch.kvPositions.count where adapters.contains(BlockID(batch.kvPositions[index] / 4)) {
            log.fault("keys were written into an adapter")
        }
        for index in 0..<batch.segments.count {
            let slot = batch.segments[index].slot
            if (slots[Int(slot.rawValue)]?.questions ?? 0) <= delay { log.fault("slot \(slot) has not landed") }
        }
        outputs.removeAll(keepingCapacity: true)
        for index in 0..<batch.logitRows.count {
            let last = batch.tokens[Int(batch.logitRows[index])]
            outputs.append(SampledToken(token: TokenID(min(last.rawValue + 1, 63))))
        }
    }
}
