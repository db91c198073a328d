import Adapters
import Backends
import Core
import Engine
import Foundation
import Models
import Sampling
import Synchronization
import Testing

/// Which steps begin while others run, and which must not.
@Suite struct RunningAhead {
    private func run(
        prompts: [[Int32]] = [[1, 2, 3]],
        barrenStep: Int? = nil,
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
            blockCount: 64,
            sharesPrefixes: false
        )
        let engine = try await EngineHandle.start(sizes) {
            LateRunner(EchoRunner(vocabularySize: 64), log: log, barrenStep: barrenStep)
        }
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
        #expect(log.ahead == 9)
    }

    @Test func `a sequence that ends by a stop id is in one step in vain, whose token nobody gets`() async throws {
        let (log, answers, statistics) = try await run { $1.tokenIDs = [TokenID(7)] }
        #expect(answers[0].ids == (4...7).map { TokenID($0) })
        #expect(answers[0].ends == [.finished(.stop(TokenID(7)))])
        #expect(log.begun == 5)
        #expect(statistics.generatedTokens == 4)
        #expect(statistics.freeBlocks == 64)
    }

    @Test func `a prompt in chunks is computed ahead`() async throws {
        let (log, answers, _) = try await run(prompts: [Array(repeating: 5, count: 40)]) { $1.maxTokens = 1 }
        #expect(answers[0].ids == [TokenID(6)])
        #expect(log.begun == 3)
        #expect(log.ahead == 2)
    }

    @Test func `a request finds nothing of the one before it in its answer`() async throws {
        let (_, answers, _) = try await run(prompts: [[1], [21], [41]]) {
            $1.tokenIDs = [5, 25, 45].map { TokenID($0) }
        }
        #expect(answers.map(\.ids) == [2, 22, 42].map { (first: Int32) in (first..<first + 4).map { TokenID($0) } })
    }

    @Test func `what a step could not choose ends its sequence once, though the next has begun`() async throws {
        let (log, answers, statistics) = try await run(barrenStep: 2)
        #expect(answers[0].ids == [4, 5].map { TokenID($0) })
        #expect(answers[0].ends == [.failed(.backend("no token has a finite logit"))])
        #expect(log.begun == 4)
        #expect(statistics.freeBlocks == 64)
    }

    @Test func `idle adapters that fill the memory make room without holding up a step`() async throws {
        let adapters = try (0..<4).map { try dummyAdapter(seed: UInt64($0 + 1)) }
        let runnerLog = RunnerLog()
        let sizes = EngineConfiguration(maxSequences: 2, maxSequenceLength: 64, blockSize: 4, blockCount: 24)
        let engine = try await EngineHandle.start(sizes) {
            LoadingRunner(blocks: 5, delay: 0, slots: 8, runsAhead: true, log: runnerLog)
        }
        func answer(_ id: UInt64, _ adapter: AdapterLease?, max: Int) async throws -> Answer {
            let stop = StopConditions(maxTokens: max)
            return try await engine.answer(
                GenerationRequest(
                    id: RequestID(id),
                    prompt: [TokenID(1)],
                    adapter: adapter,
                    sampling: greedy(),
                    stop: stop
                )
            )
        }
        for (number, adapter) in adapters.enumerated() { _ = try await answer(UInt64(number), adapter, max: 1) }
        let before = runnerLog.ahead
        // It takes 16 blocks, where 4 are free.
        #expect(try await answer(9, nil, max: 62).ids.count == 62)
        #expect(runnerLog.ahead - before == 61)
        await engine.stop()
        #expect(runnerLog.faults == [])
        #expect(engine.statistics.adapterEvictions == 3)
    }

    @Test func `a request that arrives while a step runs is in the next`() async throws {
        let log = BatchLog()
        let sizes = EngineConfiguration(maxSequences: 4, maxSequenceLength: 64, blockSize: 4, blockCount: 64)
        let engine = try await EngineHandle.start(sizes) { TimedRunner(seconds: 0.3, log) }
        @Sendable func request(_ id: UInt64, max: Int) -> GenerationRequest {
            let stop = StopConditions(maxTokens: max)
            return GenerationRequest(id: RequestID(id), prompt: [TokenID(1)], sampling: greedy(), stop: stop)
        }
        let guest = Mutex<GenerationEvents?>(nil)
        log.whileFifthRuns {
            let events = try? engine.submit(request(2, max: 1))
            guest.withLock { $0 = events }
        }
        #expect(try await engine.answer(request(1, max: 8)).ids.count == 8)
        for await event in try #require(guest.withLock { $0 }) { #expect(event != .finished(.cancelled)) }
        #expect(log.rows == [1, 1, 1, 1, 1, 2, 1, 1])
        await engine.stop()
    }
}

/// Rows of each step, in the order in which they began, and something to do meanwhile.
private final class BatchLog: Sendable {
    private let state = Mutex([Int]())
    private let action = Mutex<(@Sendable () -> Void)?>(nil)

    var rows: [Int] { state.withLock { $0 } }
    func begin(rows: Int) { state.withLock { $0.append(rows) } }

    /// Once, when the engine asks whether the fifth step is done, with none begun after it.
    func whileFifthRuns(_ body: @escaping @Sendable () -> Void) { action.withLock { $0 = body } }

    func ask() {
        if rows.count == 5 { action.withLock { $0.take() }?() }
    }
}

/// The echo on a device whose steps take a given time, one after the other.
private struct TimedRunner: ModelRunner, ~Copyable {
    private let duration: Duration
    private let log: BatchLog
    private var echo = EchoRunner(vocabularySize: 64, runsAhead: true)
    /// When the steps that were begun and not finished end.
    private var ends: [ContinuousClock.Instant] = []

    init(seconds: Double, _ log: BatchLog) {
        duration = .seconds(seconds)
        self.log = log
    }

    var vocabularySize: Int { echo.vocabularySize }
    var runsAhead: Bool { true }
    func footprint(of adapter: LoadedAdapter) -> AdapterFootprint { .none }
    mutating func install(_ adapter: LoadedAdapter, in blocks: [BlockID]) -> AdapterSlot? { nil }
    mutating func hasLanded(_ slot: AdapterSlot) -> Bool { true }
    mutating func remove(_ slot: AdapterSlot) {}

    mutating func isStepDone() -> Bool {
        if ends.count == 1 { log.ask() }
        return ends[0] <= .now
    }

    mutating func begin(_ batch: borrowing Batch, _ requests: borrowing [SamplingRequest]) {
        log.begin(rows: batch.tokenCount)
        ends.append(max(.now, ends.last ?? .now) + duration)
        echo.begin(batch, requests)
    }

    mutating func finish(into outputs: inout [SampledToken?]) {
        let end = ends.removeFirst()
        Thread.sleep(forTimeInterval: max(0, (end - .now) / .seconds(1)))
        echo.finish(into: &outputs)
    }
}
