import Backends
import Core
import Sampling
import Testing

@testable import Doctor

@Suite struct ChoiceComparisonTests {
    private static let vocabularySize = 300

    /// Rows that differ, with equal logits among them.
    private let logits: [[Float]] = (0..<20).map { row in
        (0..<Self.vocabularySize).map { Float(($0 * 31 + row * 17) % 97) / 20 }
    }

    /// What the host's sampler chooses, changed.
    private func compared(_ change: (inout SampledToken?) -> Void) throws -> ChoiceComparison {
        var comparison = ChoiceComparison(vocabularySize: Self.vocabularySize)
        var sampler = Sampler(vocabularySize: Self.vocabularySize)
        try comparison.compare(logits) { requests throws(BackendError) in
            zip(logits, requests).map { row, request in
                var row = row
                var token = row.withUnsafeMutableBufferPointer { sampler.sample($0, for: request) }
                change(&token)
                return token
            }
        }
        return comparison
    }

    @Test func `the host's own choices are right`() throws {
        let comparison = try compared { _ in }
        #expect(comparison.compared == logits.count && comparison.wrong == [])
    }

    @Test func `another token, and none, are wrong in every way of choosing`() throws {
        let other = try compared { token in
            token = token.map { SampledToken(token: TokenID($0.token.rawValue ^ 1), logprob: $0.logprob, top: $0.top) }
        }
        #expect(other.wrong.count == logits.count)
        #expect(try compared { $0 = nil }.wrong.count == logits.count)
    }

    @Test func `probabilities count as well where they are asked for`() throws {
        let asking = try compared { token in
            token = token.map { SampledToken(token: $0.token, logprob: $0.logprob.map { $0 + 0.001 }, top: $0.top) }
        }
        // Three of ten ways report them.
        #expect(asking.wrong.count == 5)
        let reordered = try compared { token in
            token = token.map { SampledToken(token: $0.token, logprob: $0.logprob, top: $0.top.reversed()) }
        }
        #expect(reordered.wrong.count == 4)
    }
}
