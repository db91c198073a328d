import Core
import TestSupport
import Testing

@testable import Sampling

@Suite struct SamplerTimingTests {
    /// Printed, not asserted: the machine's other work is not this test's matter.
    @Test(.enabled(if: !_isDebugAssertConfiguration(), "times of a debug build say nothing"))
    func `a vocabulary of 151,936 tokens is sampled in full`() throws {
        var random = SplitMix(seed: 1)
        var sampler = Sampler(vocabularySize: 151_936)
        var row = (0..<151_936).map { _ in 3 * random.normal() }
        let history = (0..<2000).map { _ in TokenID(Int32.random(in: 0..<151_936, using: &random)) }
        let cases: [(String, SamplingParameters)] = [
            ("greedy", .greedy),
            ("temperature", SamplingParameters()),
            ("min-p", .with { $0.minP = 0.05 }),
            ("top-k 50", .with { $0.topK = 50 }),
            ("top-p 0.9", .with { $0.topP = 0.9 }),
            ("top-k 50, top-p 0.9", .with { ($0.topK, $0.topP) = (50, 0.9) }),
            ("greedy, penalties over 2,000", .with { ($0.temperature, $0.repetitionPenalty) = (0, 1.1) }),
            ("greedy, 20 logprobs", .with { ($0.temperature, $0.topLogprobs) = (0, 20) }),
        ]
        for (name, parameters) in cases {
            var times: [Duration] = []
            for position in 0..<5 {
                times.append(
                    try ContinuousClock().measure {
                        let sampled = row.withUnsafeMutableBufferPointer {
                            sampler.sample(
                                logits: $0,
                                parameters: parameters,
                                history: history,
                                promptCount: 1000,
                                position: position
                            )
                        }
                        _ = try #require(sampled)
                    }
                )
            }
            print("sampling 151,936 logits, \(name): median \(times.sorted()[2])")
        }
    }
}
