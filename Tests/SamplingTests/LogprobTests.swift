import Core
import Foundation
import TestSupport
import Testing

@testable import Sampling

@Suite struct LogprobTests {
    private func reference(_ row: [Float]) -> [Double] {
        let largest = Double(row.max() ?? 0)
        let sum = log(row.reduce(0) { $0 + exp(Double($1) - largest) })
        return row.map { Double($0) - largest - sum }
    }

    @Test func `log-probabilities are those of the raw logits, whatever the parameters`() throws {
        var random = SplitMix(seed: 3)
        var sampler = Sampler(vocabularySize: 500)
        for position in 0..<50 {
            let row = (0..<500).map { _ in 4 * random.normal() }
            let expected = reference(row)
            let ranked = row.indices.sorted { (row[$1], $0) < (row[$0], $1) }
            let parameters = SamplingParameters.with {
                ($0.temperature, $0.topK, $0.repetitionPenalty, $0.presencePenalty) = (1.7, 40, 1.3, 1)
                ($0.topLogprobs, $0.seed) = (20, 5)
                $0.logitBias = [LogitBias(token: TokenID(7), bias: 3)]
            }
            let history = ranked.prefix(30).map { TokenID(Int32($0)) }
            let answer = sampler.sample(row, parameters, history: history, promptCount: 10, position: position)
            let sampled = try #require(answer)
            let logprob = try #require(sampled.logprob)
            #expect(abs(Double(logprob) - expected[Int(sampled.token.rawValue)]) < 1e-5)
            #expect(sampled.top.map { Int($0.token.rawValue) } == Array(ranked.prefix(20)))
            for entry in sampled.top {
                #expect(abs(Double(entry.logprob) - expected[Int(entry.token.rawValue)]) < 1e-5)
            }
        }
    }

    @Test func `as many alternatives as asked for, none unasked`() throws {
        var sampler = Sampler(vocabularySize: 4)
        let row: [Float] = [1, 2, 2, -.infinity]
        #expect(sampler.sample(row, .greedy)?.logprob == nil)
        for (count, tokens) in [(0, []), (1, [1]), (2, [1, 2]), (3, [1, 2, 0]), (20, [1, 2, 0])] as [(Int, [Int32])] {
            let sampled = sampler.sample(row, .with { ($0.temperature, $0.topLogprobs) = (0, count) })
            #expect(sampled?.top.map(\.token.rawValue) == tokens)
            #expect(try #require(sampled?.logprob) < 0)
        }
    }

    @Test func `equal alternatives are ranked by lowest id`() {
        var sampler = Sampler(vocabularySize: 9)
        let sampled = sampler.sample([0, 1, 0, 1, 0, 1, 0, 1, 0], .with { ($0.temperature, $0.topLogprobs) = (0, 6) })
        #expect(sampled?.top.map(\.token.rawValue) == [1, 3, 5, 7, 0, 2])
    }

    @Test func `infinite logits share the probability`() throws {
        var sampler = Sampler(vocabularySize: 3)
        let parameters = SamplingParameters.with { ($0.temperature, $0.topLogprobs) = (0, 3) }
        let answer = sampler.sample([.infinity, 5, .infinity], parameters)
        let sampled = try #require(answer)
        #expect(sampled.top.map(\.token) == ids(0, 2))
        #expect(abs(try #require(sampled.logprob) - log(0.5)) < 1e-6)
    }
}
