import Core
import TestSupport
import Testing

@testable import Sampling

@Suite struct SamplerTests {
    private let row: [Float] = [0.5, 3, -1, 3, 2.5, 0, -4, 1]

    @Test func `temperature 0 takes the largest logit and of equals the lowest id`() {
        var sampler = Sampler(vocabularySize: 8)
        #expect(sampler.sample(row, .greedy) == SampledToken(token: TokenID(1)))
        #expect(sampler.sample(row.reversed(), .greedy)?.token == TokenID(4))
        #expect(sampler.sample(row, .greedy, banned: ids(1, 3))?.token == TokenID(4))
        // A row longer than the lanes of one pass, the largest in each place.
        var wide = Sampler(vocabularySize: 21)
        for place in 0..<21 {
            var row = [Float](repeating: -1, count: 21)
            row[place] = 0
            #expect(wide.sample(row, .greedy)?.token == TokenID(Int32(place)))
        }
    }

    @Test func `the smallest sets hold the likeliest token alone`() {
        var sampler = Sampler(vocabularySize: 8)
        let single: [Float] = [0.5, 3, -1, 2.9, 2.5, 0, -4, 1]
        for seed in 0..<200 as Range<UInt64> {
            for narrow in [
                SamplingParameters.with { $0.topK = 1 }, .with { $0.topP = 1e-9 }, .with { $0.minP = 1 },
                .with { $0.temperature = 1e-6 }, .with { $0.temperature = .leastNonzeroMagnitude },
                .with { ($0.temperature, $0.topK) = (2, 1) }, .with { ($0.topP, $0.topK, $0.minP) = (1e-9, 1, 1) },
            ] {
                var narrow = narrow
                narrow.seed = seed
                #expect(sampler.sample(single, narrow, position: 3)?.token == TokenID(1))
            }
        }
    }

    @Test func `equal logits are kept by lowest id`() {
        var sampler = Sampler(vocabularySize: 8)
        let equal = [Float](repeating: 7, count: 8)
        _ = sampler.sample(equal, .with { $0.topK = 3 })
        #expect(sampler.kept == [0, 1, 2])
        _ = sampler.sample(equal, .with { $0.topP = 0.5 })
        #expect(sampler.kept == [0, 1, 2, 3])
        _ = sampler.sample(equal, .with { ($0.topK, $0.topP) = (4, 0.5) })
        #expect(sampler.kept == [0, 1])
        _ = sampler.sample(equal, .with { $0.minP = 1 })
        #expect(sampler.kept == Array(0..<8))
        _ = sampler.sample(row, .with { $0.topK = 1 })
        #expect(sampler.kept == [1])
    }

    @Test func `top-p counts the mass that min-p and top-k left`() {
        var sampler = Sampler(vocabularySize: 4)
        // Probabilities 0.4, 0.3, 0.2, 0.1.
        let row: [Float] = [-0.916_290_7, -1.203_972_8, -1.609_437_9, -2.302_585_1]
        _ = sampler.sample(row, .with { $0.topP = 0.55 })
        #expect(sampler.kept == [0, 1])
        _ = sampler.sample(row, .with { ($0.topP, $0.topK) = (0.55, 2) })
        #expect(sampler.kept == [0])
        _ = sampler.sample(row, .with { ($0.topP, $0.minP) = (0.55, 0.7) })
        #expect(sampler.kept == [0])
        _ = sampler.sample(row, .with { $0.minP = 0.45 })
        #expect(sampler.kept == [0, 1, 2])
    }

    @Test func `the same seed and position draw the same token, others differ`() throws {
        var sampler = Sampler(vocabularySize: 8)
        let parameters = SamplingParameters.with { ($0.seed, $0.temperature) = (42, 2) }
        let first = (0..<50).map { sampler.sample(row, parameters, position: $0)?.token }
        var fresh = Sampler(vocabularySize: 8)
        let second = (0..<50).reversed().map { fresh.sample(row, parameters, position: $0)?.token }
        #expect(first == second.reversed())
        #expect(Set(first).count > 3)
        let other = (0..<50).map {
            sampler.sample(row, .with { ($0.seed, $0.temperature) = (43, 2) }, position: $0)?.token
        }
        #expect(first != other)
    }

    @Test func `a sequence resumed by another sampler goes on alike`() throws {
        let parameters = SamplingParameters.with {
            ($0.seed, $0.topP, $0.repetitionPenalty, $0.frequencyPenalty, $0.presencePenalty) = (9, 0.95, 1.2, 0.4, 0.2)
        }
        /// What a model would say after these tokens.
        func logits(after tokens: [TokenID]) -> [Float] {
            var random = SplitMix(seed: tokens.reduce(17) { $0 &* 31 &+ UInt64($1.rawValue) })
            return (0..<32).map { _ in 2 * random.normal() }
        }
        func continued(_ tokens: [TokenID], to count: Int) throws -> [TokenID] {
            var sampler = Sampler(vocabularySize: 32)
            var tokens = tokens
            while tokens.count < count {
                let row = logits(after: tokens)
                let next = sampler.sample(row, parameters, history: tokens, promptCount: 3, position: tokens.count)
                tokens.append(try #require(next).token)
            }
            return tokens
        }
        let whole = try continued(ids(1, 2, 3), to: 60)
        for cut in [3, 4, 17, 40, 59] {
            #expect(try continued(Array(whole.prefix(cut)), to: 60) == whole)
        }
    }

    @Test func `impossible logits are never chosen`() {
        var sampler = Sampler(vocabularySize: 6)
        let row: [Float] = [.nan, -.infinity, 1, .nan, -.infinity, -.nan]
        for seed in 0..<50 as Range<UInt64> {
            #expect(sampler.sample(row, .with { $0.seed = seed })?.token == TokenID(2))
        }
        #expect(sampler.sample(row, .greedy)?.token == TokenID(2))
        #expect(sampler.sample([0, 1, .infinity, 2, 3, .infinity], .greedy)?.token == TokenID(2))
        _ = sampler.sample([0, 1, .infinity, 2, 3, .infinity], SamplingParameters())
        #expect(sampler.kept == [2, 5])
    }

    @Test func `a row without a possible token gives none`() {
        var sampler = Sampler(vocabularySize: 3)
        for parameters in [SamplingParameters.greedy, .with { $0.topK = 2 }, .with { $0.topLogprobs = 3 }] {
            #expect(sampler.sample([-.infinity, -.infinity, -.infinity], parameters) == nil)
            #expect(sampler.sample([.nan, .nan, -.infinity], parameters) == nil)
            #expect(sampler.sample([1, 2, 3], parameters, banned: ids(0, 1, 2)) == nil)
            #expect(sampler.sample([1, 2, 3], parameters, banned: ids(0, 2))?.token == TokenID(1))
        }
    }

    @Test func `hostile rows and parameters always give a possible token or none, and leave the row alone`() {
        var random = SplitMix(seed: 77)
        var sampler = Sampler(vocabularySize: 24)
        let odd: [Float] = [.nan, .infinity, -.infinity, 0, 3e38, -3e38, .leastNonzeroMagnitude, 1, -1]
        for position in 0..<5_000 {
            let share = Int.random(in: 0...10, using: &random)
            var row = (0..<24).map { _ in
                Int.random(in: 0..<10, using: &random) < share
                    ? odd.randomElement(using: &random) ?? 0 : random.normal()
            }
            var parameters = SamplingParameters()
            parameters.seed = random.next()
            parameters.temperature = [0, .leastNonzeroMagnitude, 1e-6, 1, 2, 1e30].randomElement(using: &random) ?? 1
            parameters.topK = [nil, 1, 5, 24, .max].randomElement(using: &random) ?? nil
            parameters.topP = [1e-38, 0.5, 0.999_999_9, 1].randomElement(using: &random) ?? 1
            parameters.minP = [0, 0, 0.5, 1].randomElement(using: &random) ?? 0
            parameters.repetitionPenalty = [1, 1, 1e-30, 2].randomElement(using: &random) ?? 1
            parameters.frequencyPenalty = [0, -2, 2].randomElement(using: &random) ?? 0
            parameters.topLogprobs = [nil, 0, 20].randomElement(using: &random) ?? nil
            let history = (0..<8).map { _ in TokenID(Int32.random(in: -2...26, using: &random)) }
            let banned = Array(history.prefix(2))
            let before = row.map(\.bitPattern)
            let sampled = row.withUnsafeMutableBufferPointer {
                sampler.sample(
                    logits: $0,
                    parameters: parameters,
                    history: history,
                    promptCount: 4,
                    position: position,
                    banned: banned
                )
            }
            #expect(row.map(\.bitPattern) == before)
            #expect(sampler.occurrences.allSatisfy { $0 == 0 })
            if let sampled {
                let logit = row[Int(sampled.token.rawValue)]
                #expect(logit > -.infinity && !banned.contains(sampled.token), "\(logit) with \(parameters)")
                #expect(sampled.logprob.map { !$0.isNaN && $0 <= 0 } ?? true, "\(sampled) of \(row)")
                #expect(sampled.top.allSatisfy { $0.logprob.isFinite })
            } else {
                let possible = row.indices.contains { row[$0] > -.infinity && !banned.contains(TokenID(Int32($0))) }
                #expect(!possible, "none of \(row) with \(parameters)")
            }
        }
    }
}
