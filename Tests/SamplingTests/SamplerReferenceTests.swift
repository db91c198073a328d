import Core
import TestSupport
import Testing

@testable import Sampling

@Suite struct SamplerReferenceTests {
    @Test(arguments: [1, 2, 7, 64, 1000] as [Int])
    func `tokens left and their probabilities equal those of a full sort in double precision`(vocabulary: Int) throws {
        var random = SplitMix(seed: UInt64(vocabulary))
        var sampler = Sampler(vocabularySize: vocabulary)
        var clear = 0
        for position in 0..<200 {
            let spread = Float.random(in: 0.1...8, using: &random)
            let row = (0..<vocabulary).map { _ in random.normal() * spread }
            let parameters = randomParameters(&random, vocabulary)
            let reference = ReferenceSampler(row.map(Double.init), parameters)
            let sampled = sampler.sample(row, parameters, position: position)
            let token = try #require(sampled).token
            guard reference.margin > 2e-5 else { continue }
            clear += 1
            let total = sampler.weights.reduce(0) { $0 + Double($1) }
            for index in 0..<vocabulary {
                let expected = reference.probabilities[index]
                let difference = abs(Double(sampler.weights[index]) / total - expected)
                // Below 1e-30 the weights end, for they are single precision.
                if difference > 1e-5 * expected + 1e-30 {
                    Issue.record("token \(index), position \(position): \(difference) of \(expected), \(parameters)")
                    return
                }
            }
            let drawn = reference.draw(Philox(seed: parameters.seed).uniform(position: position))
            #expect(drawn.margin < 1e-6 || token == TokenID(Int32(drawn.token)), "position \(position), \(parameters)")
        }
        #expect(clear > 150, "\(clear) of 200 rows had clear cuts")
    }

    private func randomParameters(_ random: inout SplitMix, _ vocabulary: Int) -> SamplingParameters {
        var parameters = SamplingParameters()
        parameters.seed = random.next()
        parameters.temperature = [0.2, 0.7, 1, 2][Int.random(in: 0..<4, using: &random)]
        if Bool.random(using: &random) { parameters.topK = Int.random(in: 1...vocabulary + 3, using: &random) }
        if Bool.random(using: &random) { parameters.topP = Float.random(in: 0.01...1, using: &random) }
        if Int.random(in: 0..<3, using: &random) == 0 { parameters.minP = Float.random(in: 0...1, using: &random) }
        return parameters
    }

    /// Random limits and rows of few different values, where ties decide everything.
    @Test func `a cut among equals keeps the lowest ids`() {
        var random = SplitMix(seed: 5)
        var finder = CutoffFinder()
        for _ in 0..<1000 {
            let count = Int.random(in: 1...40, using: &random)
            var weights = (0..<count).map { _ in [0, 0.125, 0.25, 1][Int.random(in: 0..<4, using: &random)] as Float }
            weights[Int.random(in: 0..<count, using: &random)] = 1
            let ranked = weights.indices.filter { weights[$0] > 0 }.sorted { (weights[$1], $0) < (weights[$0], $1) }
            let limit = Int.random(in: 1...count, using: &random)
            // Eighths add up without rounding, so that the sums can be compared exactly.
            let mass = Double(Int.random(in: 1...8 * count, using: &random)) / 8
            var (fewest, sum) = (0, 0.0)
            while fewest < ranked.count, sum < mass {
                sum += Double(weights[ranked[fewest]])
                fewest += 1
            }
            #expect(kept(&finder, .count(limit), weights) == ranked.prefix(limit).sorted())
            #expect(kept(&finder, .mass(mass), weights) == ranked.prefix(fewest).sorted())
        }
    }

    private func kept(_ finder: inout CutoffFinder, _ limit: CutoffFinder.Limit, _ weights: [Float]) -> [Int] {
        var weights = weights
        let cutoff = weights.withUnsafeMutableBufferPointer { buffer in
            let cutoff = finder.find(limit, in: UnsafeBufferPointer(buffer))
            cutoff.apply(to: buffer)
            return cutoff
        }
        #expect(cutoff.mass == weights.reduce(0) { $0 + Double($1) })
        return weights.indices.filter { weights[$0] > 0 }
    }

    @Test func `drawn tokens have their probabilities by the chi-square test`() throws {
        let row: [Float] = [1, 0.5, -1, 2, 0, 0, 1.5, -3, 2.5, -0.5, 3, -20]
        let cases: [SamplingParameters] = [
            .with { $0.seed = 11 },
            .with { ($0.seed, $0.temperature) = (12, 2) },
            .with { ($0.seed, $0.topK) = (13, 5) },
            .with { ($0.seed, $0.topP, $0.temperature) = (14, 0.8, 1.5) },
            .with { ($0.seed, $0.minP) = (15, 0.1) },
        ]
        var sampler = Sampler(vocabularySize: row.count)
        for parameters in cases {
            let expected = ReferenceSampler(row.map(Double.init), parameters).probabilities
            let draws = 20_000
            var counts = [Double](repeating: 0, count: row.count)
            for position in 0..<draws {
                let sampled = sampler.sample(row, parameters, position: position)
                let token = try #require(sampled).token
                counts[Int(token.rawValue)] += 1
            }
            var statistic = 0.0
            for index in row.indices where expected[index] * Double(draws) >= 5 {
                let mean = expected[index] * Double(draws)
                statistic += (counts[index] - mean) * (counts[index] - mean) / mean
            }
            for index in row.indices where expected[index] == 0 { #expect(counts[index] == 0) }
            // With 10 degrees of freedom a fair generator exceeds 29.6 once in a thousand seeds.
            #expect(statistic < 29.6, "\(statistic) for \(parameters)")
        }
    }
}
