import Adapters
import Core
import Engine
import TestSupport
import Testing

/// Thousands of requests, two hundred at a time, good and bad, through a real tiny model.
@Suite struct EngineSoaks {
    @Test(arguments: [(10_000, 96, false), (3_000, 72, true)])
    func `everyone ends exactly once and all memory comes back`(count: Int, blocks: Int, runsAhead: Bool) async throws {
        let fixture = try GoldenFixture("llama2")
        let configuration = EngineConfiguration(
            maxSequences: 48,
            maxBatchedTokens: 96,
            maxWaiting: 400,
            maxSequenceLength: 64,
            blockSize: 4,
            blockCount: blocks
        )
        let log = StepLog()
        let engine = try await fixture.start(configuration, late: runsAhead ? log : nil)
        let outcomes = try await withThrowingTaskGroup(of: Outcome.self) { group in
            var generator = SplitMix(seed: 9)
            var outcomes: [Outcome: Int] = [:]
            for number in 0..<count {
                if number >= 200, let outcome = try await group.next() { outcomes[outcome, default: 0] += 1 }
                let plan = Plan(number: number, fixture: fixture, generator: &generator)
                group.addTask { try await plan.run(on: engine) }
            }
            return try await group.reduce(into: outcomes) { $0[$1, default: 0] += 1 }
        }
        await engine.drain()
        // With what the last step may have computed in vain.
        await engine.stop()
        #expect(outcomes.values.reduce(0, +) == count)
        #expect(outcomes[.broken] == nil)
        #expect((outcomes[.complete] ?? 0) > count / 2)
        #expect((outcomes[.refused] ?? 0) > count * 3 / 100)
        #expect((outcomes[.left] ?? 0) > count * 3 / 100)
        let statistics = engine.statistics
        #expect(statistics.waiting == 0)
        #expect(statistics.running == 0)
        #expect(statistics.freeBlocks + statistics.cachedBlocks == blocks)
        #expect(statistics.finished.total == count - (outcomes[.refused] ?? 0))
        #expect(statistics.runningAdapters.isEmpty)
        #expect(statistics.preemptions > 0)
        #expect((log.ahead > 100) == runsAhead, "\(log.ahead) steps began while others ran")
    }

    private enum Outcome: Hashable { case complete, refused, left, broken }

    private struct Plan: Sendable {
        let request: GenerationRequest
        let isBad: Bool
        /// Leave after this many tokens; nil stays to the end.
        let patience: Int?

        init(number: Int, fixture: GoldenFixture, generator: inout SplitMix) {
            var sampling = SamplingParameters()
            sampling.temperature = Bool.random(using: &generator) ? 0 : 1
            sampling.seed = generator.next()
            isBad = Int.random(in: 0..<20, using: &generator) == 0
            let length =
                isBad ? [0, 64, 5000].randomElement(using: &generator) ?? 0 : Int.random(in: 1...20, using: &generator)
            let pick = Int.random(in: -1..<fixture.adapters.count, using: &generator)
            patience = Int.random(in: 0..<10, using: &generator) == 0 ? Int.random(in: 0...3, using: &generator) : nil
            request = GenerationRequest(
                id: RequestID(UInt64(number)),
                prompt: (0..<length).map { _ in TokenID(Int32.random(in: 0...162, using: &generator)) },
                adapter: pick < 0 ? nil : fixture.adapters[pick],
                sampling: sampling,
                stop: StopConditions(maxTokens: Int.random(in: 4...8, using: &generator), tokenIDs: [TokenID(2)])
            )
        }

        func run(on engine: EngineHandle) async throws -> Outcome {
            var (tokens, ends) = (0, 0)
            do {
                for await event in try engine.submit(request) {
                    guard ends == 0 else { return .broken }
                    if case .token(let token) = event {
                        guard token.index == tokens else { return .broken }
                        tokens += 1
                        if let patience, tokens > patience { return .left }
                    } else {
                        ends += 1
                        guard case .finished = event else { return .broken }
                    }
                }
            } catch {
                return isBad ? .refused : .broken
            }
            return ends == 1 && !isBad ? .complete : .broken
        }
    }
}
