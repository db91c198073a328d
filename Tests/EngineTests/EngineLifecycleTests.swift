import Adapters
import Backends
import Core
import Engine
import Foundation
import Models
import Sampling
import Testing

/// Every request ends exactly once, whatever happens to it.
@Suite struct EngineLifecycles {
    private func startEcho(
        sequences: Int = 8,
        tokens: Int = 64,
        blocks: Int = 64,
        waiting: Int = 1024,
        runsAhead: Bool = false
    ) async throws -> EngineHandle {
        let configuration = EngineConfiguration(
            maxSequences: sequences,
            maxBatchedTokens: tokens,
            maxWaiting: waiting,
            maxSequenceLength: 64,
            blockSize: 4,
            blockCount: blocks
        )
        return try await EngineHandle.start(configuration) { EchoRunner(vocabularySize: 100, runsAhead: runsAhead) }
    }

    private func request(
        _ id: UInt64,
        prompt: [Int32] = [1, 2, 3],
        generated: [Int32] = [],
        max: Int = 4,
        stop: [Int32] = []
    ) -> GenerationRequest {
        GenerationRequest(
            id: RequestID(id),
            prompt: prompt.map { TokenID($0) },
            generated: generated.map { TokenID($0) },
            sampling: greedy(),
            stop: StopConditions(maxTokens: max, tokenIDs: stop.map { TokenID($0) })
        )
    }

    @Test(arguments: [false, true])
    func `tokens come in order and the last event says why`(runsAhead: Bool) async throws {
        let engine = try await startEcho(runsAhead: runsAhead)
        let length = try await engine.answer(request(1))
        #expect(length.ids == [4, 5, 6, 7].map { TokenID($0) })
        #expect(length.tokens.map(\.index) == [0, 1, 2, 3])
        #expect(length.ends == [.finished(.length)])
        let stopped = try await engine.answer(request(2, stop: [6]))
        #expect(stopped.ids == [4, 5, 6].map { TokenID($0) })
        #expect(stopped.ends == [.finished(.stop(TokenID(6)))])
        await engine.stop()
    }

    @Test(arguments: [false, true])
    func `a resumed request goes on where it was`(runsAhead: Bool) async throws {
        let engine = try await startEcho(runsAhead: runsAhead)
        let answer = try await engine.answer(request(1, generated: [4, 5]))
        #expect(answer.ids == [6, 7].map { TokenID($0) })
        #expect(answer.tokens.map(\.index) == [2, 3])
        await engine.stop()
    }

    @Test(arguments: [false, true])
    func `a prompt's computed tokens are counted, and an answer's are not`(runsAhead: Bool) async throws {
        let engine = try await startEcho(runsAhead: runsAhead)
        _ = try await engine.answer(request(1, prompt: [1]))
        #expect(engine.statistics.promptTokens == 1)
        _ = try await engine.answer(request(2, prompt: [11, 12, 13], generated: [14, 15]))
        #expect(engine.statistics.promptTokens == 4)
        await engine.stop()
    }

    @Test func `what cannot be served is refused with the bound and the value`() async throws {
        let engine = try await startEcho()
        #expect(throws: EngineError.emptyPrompt) { try engine.submit(request(1, prompt: [])) }
        #expect(throws: EngineError.tokenOutOfRange(token: TokenID(100), vocabularySize: 100)) {
            try engine.submit(request(2, prompt: [100]))
        }
        #expect(throws: EngineError.tokenOutOfRange(token: TokenID(-1), vocabularySize: 100)) {
            try engine.submit(request(3, prompt: [-1]))
        }
        #expect(throws: EngineError.promptTooLong(tokens: 64, limit: 63)) {
            try engine.submit(request(4, prompt: Array(repeating: 1, count: 64)))
        }
        let longest = try await engine.answer(request(5, prompt: Array(repeating: 1, count: 63), max: 10))
        #expect(longest.tokens.count == 1)
        #expect(longest.ends == [.finished(.length)])
        await engine.stop()
        #expect(throws: EngineError.stopped) { try engine.submit(request(6)) }
    }

    @Test(arguments: [false, true])
    func `who leaves is computed no further`(runsAhead: Bool) async throws {
        let configuration = EngineConfiguration(
            maxSequences: 4,
            maxBatchedTokens: 16,
            maxSequenceLength: 100_000,
            blockSize: 64,
            blockCount: 4096
        )
        // What they ask for would take a quarter of an hour.
        let engine = try await EngineHandle.start(configuration) { FrailRunner(pause: 0.01, runsAhead: runsAhead) }
        do {
            for await _ in try engine.submit(request(1, max: 90_000)) { break }
        }
        let reader = Task { try await engine.answer(request(2, max: 90_000)) }
        reader.cancel()
        _ = try? await reader.value
        await engine.drain()
        let statistics = engine.statistics
        #expect(statistics.finished.cancelled == 2)
        #expect(statistics.generatedTokens < 90_000)
        #expect(statistics.freeBlocks + statistics.cachedBlocks == 4096)
        await engine.stop()
    }

    @Test func `a full queue refuses`() async throws {
        let engine = try await startEcho(sequences: 1, tokens: 1, waiting: 2)
        var streams: [GenerationEvents] = []
        var refused = 0
        for id in 0..<200 {
            do {
                streams.append(try engine.submit(request(UInt64(id), prompt: Array(repeating: 1, count: 60), max: 3)))
            } catch {
                #expect(error == .queueFull(limit: 2))
                refused += 1
            }
        }
        #expect(refused > 0)
        for stream in streams { for await _ in stream {} }
        await engine.stop()
    }

    @Test(arguments: [false, true])
    func `stopping cancels what is left and ends every stream`(runsAhead: Bool) async throws {
        let engine = try await startEcho(sequences: 2, tokens: 2, runsAhead: runsAhead)
        let streams = try (0..<50).map { try engine.submit(request(UInt64($0), max: 60)) }
        await engine.stop()
        for stream in streams {
            var ends = 0
            for await event in stream {
                if case .token = event { continue }
                ends += 1
            }
            #expect(ends == 1)
        }
        #expect(engine.statistics.finished.total == 50)
    }

    @Test(arguments: [false, true])
    func `draining refuses the new and finishes the old`(runsAhead: Bool) async throws {
        let engine = try await startEcho(runsAhead: runsAhead)
        let stream = try engine.submit(request(1, max: 40))
        async let drained: Void = engine.drain()
        while true {
            do {
                _ = try engine.submit(request(UInt64.random(in: 2 ... .max)))
                try await Task.sleep(for: .milliseconds(1))
            } catch {
                #expect(error as? EngineError == .draining)
                break
            }
        }
        var count = 0
        for await event in stream { if case .token = event { count += 1 } }
        await drained
        #expect(count == 40)
        await engine.stop()
    }

    @Test(arguments: [false, true], [false, true])
    func `a device that fails ends every request once, takes no more and says why`(
        runsAhead: Bool,
        failsAtBegin: Bool
    ) async throws {
        let configuration = EngineConfiguration(
            maxSequences: 4,
            maxBatchedTokens: 16,
            maxSequenceLength: 64,
            blockSize: 4,
            blockCount: 64
        )
        let engine = try await EngineHandle.start(configuration) {
            FrailRunner(goodSteps: 5, runsAhead: runsAhead, failsAtBegin: failsAtBegin)
        }
        let streams = try (0..<8).map { try engine.submit(request(UInt64($0), max: 40)) }
        let failure = EngineError.backend("the device is gone")
        for stream in streams {
            var ends: [GenerationEvent] = []
            for await event in stream {
                if case .token = event { continue }
                ends.append(event)
            }
            #expect(ends == [.failed(failure)])
        }
        #expect(engine.statistics.failure == "the device is gone")
        #expect(try await engine.answer(request(9)) == Answer(ends: [.failed(failure)]))
        #expect(engine.statistics.finished.failed == 9)
        await engine.stop()
        #expect(engine.statistics.freeBlocks + engine.statistics.cachedBlocks == 64)
    }
}

/// The echo with a pause before each step, which fails for good after some.
private struct FrailRunner: ModelRunner, ~Copyable {
    private var goodSteps: Int
    private let failsAtBegin: Bool
    private let pause: Double
    private var echo: EchoRunner

    init(goodSteps: Int = .max, pause: Double = 0, runsAhead: Bool = false, failsAtBegin: Bool = false) {
        self.failsAtBegin = failsAtBegin
        self.goodSteps = goodSteps
        self.pause = pause
        echo = EchoRunner(vocabularySize: 100, runsAhead: runsAhead)
    }

    var vocabularySize: Int { echo.vocabularySize }

    func footprint(of adapter: LoadedAdapter) -> AdapterFootprint { .none }

    mutating func install(_ adapter: LoadedAdapter, in blocks: [BlockID]) -> AdapterSlot? {
        echo.install(adapter, in: blocks)
    }

    mutating func hasLanded(_ slot: AdapterSlot) -> Bool { true }

    mutating func remove(_ slot: AdapterSlot) {}

    var runsAhead: Bool { echo.runsAhead }

    mutating func begin(_ batch: borrowing Batch, _ requests: borrowing [SamplingRequest]) throws(BackendError) {
        goodSteps -= 1
        if goodSteps < 0, failsAtBegin { throw BackendError("the device is gone") }
        echo.begin(batch, requests)
    }

    mutating func finish(into outputs: inout [SampledToken?]) throws(BackendError) {
        Thread.sleep(forTimeInterval: pause)
        if goodSteps < 0 { throw BackendError("the device is gone") }
        echo.finish(into: &outputs)
    }
}
