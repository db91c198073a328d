import Core
import Testing

@testable import Sampling

/// Values worked out by hand.
@Suite struct PenaltyTests {
    private let row: [Float] = [2, -2, 0, 1, -1, 4]
    /// Prompt 0, 1, 5; output 3, 4, 3, 0.
    private let history = ids(0, 1, 5, 3, 4, 3, 0)

    private func penalized(_ parameters: SamplingParameters) -> [Float] {
        var sampler = Sampler(vocabularySize: 6)
        var row = row
        var changed: [Float] = []
        row.withUnsafeMutableBufferPointer {
            sampler.penalize(history.span, promptCount: 3, parameters, in: $0)
            changed = Array($0)
            sampler.restore($0)
        }
        #expect(row == self.row, "everything is put back")
        #expect(sampler.edits.isEmpty && sampler.occurrences.allSatisfy { $0 == 0 })
        return changed
    }

    @Test func `repetition divides positive and multiplies negative logits of prompt and output, once`() {
        #expect(penalized(.with { $0.repetitionPenalty = 2 }) == [1, -4, 0, 0.5, -2, 2])
        #expect(penalized(.with { $0.repetitionPenalty = 0.5 }) == [4, -1, 0, 2, -0.5, 8])
    }

    @Test func `presence counts a token of the output once`() {
        #expect(penalized(.with { $0.presencePenalty = 1.5 }) == [0.5, -2, 0, -0.5, -2.5, 4])
        #expect(penalized(.with { $0.presencePenalty = -1 }) == [3, -2, 0, 2, 0, 4])
    }

    @Test func `frequency counts a token each time it is in the output`() {
        #expect(penalized(.with { $0.frequencyPenalty = 0.5 }) == [1.5, -2, 0, 0, -1.5, 4])
    }

    @Test func `repetition comes before frequency and presence`() {
        let all = SamplingParameters.with {
            ($0.repetitionPenalty, $0.frequencyPenalty, $0.presencePenalty) = (2, 0.5, 0.25)
        }
        #expect(penalized(all) == [0.25, -4, 0, -0.75, -2.75, 2])
    }

    @Test func `bias is added before penalties, and a ban stays a ban`() {
        var sampler = Sampler(vocabularySize: 3)
        var row: [Float] = [1, 1.5, -1]
        let bias = [
            LogitBias(token: TokenID(0), bias: 1), LogitBias(token: TokenID(2), bias: 100),
            .init(token: TokenID(9), bias: 5),
        ]
        row.withUnsafeMutableBufferPointer {
            sampler.ban(ids(2, -1, 3).span, in: $0)
            sampler.bias(bias, in: $0)
            sampler.penalize(ids(0).span, promptCount: 0, .with { $0.repetitionPenalty = 2 }, in: $0)
            #expect(Array($0) == [1, 1.5, -.infinity])
            sampler.restore($0)
        }
        #expect(row == [1, 1.5, -1])
    }

    @Test func `bias and penalties change what is chosen`() {
        var sampler = Sampler(vocabularySize: 6)
        #expect(sampler.sample(row, .greedy)?.token == TokenID(5))
        var parameters = SamplingParameters.greedy
        parameters.logitBias = [LogitBias(token: TokenID(1), bias: 6.5)]
        #expect(sampler.sample(row, parameters)?.token == TokenID(1))
        parameters.logitBias = [LogitBias(token: TokenID(5), bias: -100)]
        #expect(sampler.sample(row, parameters)?.token == TokenID(0))
        parameters.logitBias = []
        parameters.presencePenalty = 2
        #expect(sampler.sample(row, parameters, history: ids(5, 5), promptCount: 2)?.token == TokenID(5))
        #expect(sampler.sample(row, parameters, history: ids(5, 5), promptCount: 1)?.token == TokenID(0))
    }
}
