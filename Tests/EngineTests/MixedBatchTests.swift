import Adapters
import Core
import Engine
import Foundation
import JSON
import TestSupport
import Testing

/// The decisive property: a request's tokens and probabilities do not depend on who else is being served.
@Suite struct MixedBatches {
    private struct Case {
        let request: GenerationRequest
        let delay: Duration
    }

    /// With seeds from 3 on, steps begin while others run.
    @Test(arguments: ["llama2", "llama31-bf16", "mistral", "qwen2", "qwen3"], [UInt64(1), 2, 3, 4])
    func `every request in a mixed batch gets what it gets alone, bit for bit`(
        model: String,
        seed: UInt64
    ) async throws {
        var generator = SplitMix(seed: seed)
        let fixture = try GoldenFixture(model)
        let alone = try await fixture.start(
            EngineConfiguration(
                maxSequences: 1,
                maxBatchedTokens: 64,
                maxSequenceLength: 128,
                blockSize: 16,
                blockCount: 8,
                sharesPrefixes: false
            ),
            threads: 1
        )
        let log = StepLog()
        // Blocks for about a third of what is asked at once, small chunks: preemption and chunking happen.
        let mixed = try await fixture.start(
            EngineConfiguration(
                maxSequences: 12,
                maxBatchedTokens: 24,
                maxSequenceLength: 128,
                blockSize: 4,
                blockCount: 40,
                sharesPrefixes: seed % 2 == 0
            ),
            late: seed > 2 ? log : nil
        )
        let cases = makeCases(fixture, count: 32, generator: &generator)
        let found = try await withThrowingTaskGroup(of: (Int, Answer).self) { group in
            for (number, one) in cases.enumerated() {
                group.addTask {
                    try await Task.sleep(for: one.delay)
                    return (number, try await mixed.answer(one.request))
                }
            }
            return try await group.reduce(into: [Int: Answer]()) { $0[$1.0] = $1.1 }
        }
        for (number, one) in cases.enumerated() {
            let expected = try await alone.answer(one.request)
            #expect(found[number] == expected, "request \(number), adapter \(one.request.adapter?.name ?? "none")")
        }
        await mixed.drain()
        #expect(mixed.statistics.preemptions > 0, "the test is to include preemption")
        #expect((log.ahead > 5) == (seed > 2), "\(log.ahead) steps began while others ran")
        #expect(mixed.statistics.freeBlocks + mixed.statistics.cachedBlocks == 40)
        await mixed.stop()
        await alone.stop()
    }

    private func makeCases(
        _ fixture: GoldenFixture,
        count: Int,
        generator: inout SplitMix
    ) -> [Case] {
        (0..<count).map { number in
            var sampling = SamplingParameters()
            sampling.temperature = [0, 0.7, 1.3].randomElement(using: &generator) ?? 0
            sampling.topK = Bool.random(using: &generator) ? 20 : nil
            sampling.repetitionPenalty = Bool.random(using: &generator) ? 1.2 : 1
            sampling.seed = generator.next()
            sampling.topLogprobs = Bool.random(using: &generator) ? 2 : nil
            let pick = Int.random(in: -1..<fixture.adapters.count, using: &generator)
            let length = Int.random(in: 1...40, using: &generator)
            // Few different tokens, so that prompts share prefixes.
            let prompt = (0..<length).map { _ in TokenID(Int32.random(in: 5...6, using: &generator)) }
            let request = GenerationRequest(
                id: RequestID(UInt64(number)),
                prompt: prompt,
                adapter: pick < 0 ? nil : fixture.adapters[pick],
                sampling: sampling,
                stop: StopConditions(
                    maxTokens: Int.random(in: 1...24, using: &generator),
                    // Of some 160 tokens.
                    tokenIDs: (0..<4).map { _ in TokenID(Int32.random(in: 0...160, using: &generator)) },
                    minTokens: Int.random(in: 0...6, using: &generator)
                )
            )
            return Case(request: request, delay: .milliseconds(Int.random(in: 0...20, using: &generator)))
        }
    }

    @Test func `greedy answers of all golden cases, served together, equal those of PEFT`() async throws {
        let text = try Data(contentsOf: URL(filePath: GoldenFixture.directory + "/cases.json"))
        let cases = try #require(try JSONValue(parsing: Array(text))["cases"]?.array)
        for model in ["llama2", "llama31", "llama31-fp16", "mistral", "qwen2", "qwen3", "llama-yarn", "llama-linear"] {
            let fixture = try GoldenFixture(model)
            let engine = try await fixture.start(
                EngineConfiguration(
                    maxSequences: 32,
                    maxBatchedTokens: 50,
                    maxSequenceLength: 128,
                    blockSize: 8,
                    blockCount: 200
                )
            )
            let own = cases.filter { $0["model"]?.string == model }
            #expect(own.count >= 3)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, golden) in own.enumerated() {
                    let folder = golden["adapter"]?.string.map { String($0.split(separator: "/").last ?? "") }
                    let lease = folder.flatMap { name in fixture.adapters.first { $0.name == name } }
                    try #require((folder == nil) == (lease == nil))
                    let request = GenerationRequest(
                        id: RequestID(UInt64(number)),
                        prompt: tokens(golden["prompt"]),
                        adapter: lease,
                        sampling: greedy(),
                        stop: StopConditions(maxTokens: 24)
                    )
                    group.addTask {
                        let answer = try await engine.answer(request)
                        #expect(answer.ids == tokens(golden["continuation"]), "\(golden["id"]?.string ?? "")")
                    }
                }
                try await group.waitForAll()
            }
            await engine.stop()
        }
    }
}

private func tokens(_ value: JSONValue?) -> [TokenID] {
    (value?.array ?? []).compactMap { $0.int.map { TokenID(Int32($0)) } }
}
