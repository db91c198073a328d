import Adapters
import Backends
import Core
import Engine
import Models
import Sampling
import Synchronization
import Testing

/// Which steps begin while others run, and which must not.
@Suite struct RunningAhead {
    private func run(
        prompts: [[Int32]] = [[1, 2, 3]],
        blocks: Int = 64,
        _ change: (inout SamplingParameters, inout StopConditions) -> Void = { _, _ in }
    ) async throws -> (log: StepLog, answers: [Answer], statistics: EngineStatistics) {
        var (sampling, stop) = (greedy(), StopConditions(maxTokens: 10))
        change(&sampling, &stop)
        let log = StepLog()
        let sizes = EngineConfiguration(
            maxSequences: 4,
            maxBatchedTokens: 16,
            maxSequenceLength: 64,
            blockSize: 4,
            blockCount: blocks,
            sharesPrefixes: false
        )
        let engine = try await EngineHandle.start(sizes) { LoggedRunner(log) }
        var answers: [Answer] = []
        for (number, prompt) in prompts.enumerated() {
            let request = GenerationRequest(
                id: RequestID(UInt64(number)),
                prompt: prompt.map { TokenID($0) },
                sampling: sampling,
                stop: stop
            )
            answers.append(try await engine.answer(request))
        }
        await engine.stop()
        return (log, answers, engine.statistics)
    }

    @Test func `a sequence that ends by its length is in no step too many`() async throws {
        let (log, answers, _) = try await run()
        #expect(answers[0].ids == (4..<14).map { TokenID($0) })
        #expect(log.begun == 10)
        #expect(log.most == 2)
    }

    @Test func `a sequence that ends by a stop id is in one step in vain, whose token nobody gets`() async throws {
        let (log, answers, statistics) = try await run { $1.tokenIDs = [TokenID(7)] }
        #expect(answers[0].ids == (4...7).map { TokenID($0) })
        #expect(answers[0].ends == [.finished(.stop(TokenID(7)))])
        #expect(log.begun == 5)
        #expect(statistics.generatedTokens == 4)
        #expect(statistics.freeBlocks == 64)
    }

    @Test func `penalties, which need every token, let no step begin before it is known`() async throws {
        let (log, answers, _) = try await run { sampling, _ in sampling.presencePenalty = 1 }
        #expect(answers[0].ids.count == 10)
        #expect(log.most == 1)
    }

    @Test func `a prompt in chunks is computed ahead`() async throws {
        let (log, answers, _) = try await run(prompts: [Array(repeating: 5, count: 40)]) { $1.maxTokens = 1 }
        #expect(answers[0].ids == [TokenID(6)])
        #expect(log.begun == 3)
        #expect(log.most == 2)
    }

    @Test func `a request finds nothing of the one before it in its answer`() async throws {
        let (_, answers, _) = try await run(prompts: [[1], [21], [41]]) {
            $1.tokenIDs = [5, 25, 45].map { TokenID($0) }
        }
        #expect(answers.map(\.ids) == [2, 22, 42].map { (first: Int32) in (first..<first + 4).map { TokenID($0) } })
    }
}

private final class StepLog: Sendable {
    private let state = Mutex((begun: 0, running: 0, most: 0))

    var begun: Int { state.withLock { $0.begun } }
    /// Steps at a time.
    var most: Int { state.withLock { $0.most } }

    func begin() {
        state.withLock {
            $0.begun += 1
            $0.running += 1
            $0.most = max($0.most, $0.running)
        }
    }

    func finish() { state.withLock { $0.running -= 1 } }
}

/// The echo, and how many of its steps run at a time.
private struct LoggedRunner: ModelRunner, ~Copyable {
    private let log: StepLog
    private var echo = LateRunner(EchoRunner(vocabularySize: 64))

    init(_ log: StepLog) { self.log = log }

    var vocabularySize: Int { echo.vocabularySize }
    var runsAhead: Bool { true }
    func footprint(of adapter: LoadedAdapter) -> AdapterFootprint { .none }
    mutating func install(_ adapter: LoadedAdapter, in blocks: [BlockID]) -> AdapterSlot? { nil }
    mutating func hasLanded(_ slot: AdapterSlot) -> Bool { true }
    mutating func remove(_ slot: AdapterSlot) {}

    mutating func begin(_ batch: borrowing Batch, _ requests: borrowing [SamplingRequest]) {
        log.begin()
        echo.begin(batch, requests)
    }

    mutating func finish(into outputs: inout [SampledToken?]) throws(BackendError) {
        try echo.finish(into: &outputs)
        log.finish()
    }
}
