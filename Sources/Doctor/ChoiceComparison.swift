internal import Backends
internal import Core
internal import Sampling

/// Whether a GPU chooses the tokens that the host's sampler does, from the same logits.
///
/// By construction they are equal (sampling.cu): a draw could only fall otherwise within a rounding of float64 sums.
struct ChoiceComparison {
    private(set) var compared = 0
    /// What was chosen otherwise, in words.
    private(set) var wrong: [String] = []
    private var sampler: Sampler
    private let history: [TokenID]

    /// Of natural logarithms of probabilities, which two libraries compute.
    private static let logprobBound: Float = 1e-4

    init(vocabularySize: Int) {
        sampler = Sampler(vocabularySize: vocabularySize)
        history = (0..<12).map { TokenID(Int32($0 * $0 * 37 % vocabularySize)) }
    }

    /// Chooses a token for each row of logits on both, every row in another way.
    ///
    /// - Parameters:
    ///   - logits: `[rows][V]`, as the GPU has them.
    ///   - choose: lets the GPU choose, a token for each request.
    mutating func compare(
        _ logits: [[Float]],
        _ choose: ([SamplingRequest]) throws(BackendError) -> [SampledToken?]
    ) throws(BackendError) {
        let ways = logits.indices.map { Self.ways[(compared + $0) % Self.ways.count](UInt64(compared + $0)) }
        let history = history
        // Requests point to the history, which stays where it is meanwhile.
        try history.withUnsafeBufferPointer { history throws(BackendError) in
            let requests = ways.map { way in
                SamplingRequest(parameters: way.parameters, history: history, promptCount: 5, banned: way.banned)
            }
            let chosen = try choose(requests)
            precondition(chosen.count == logits.count, "\(chosen.count) tokens for \(logits.count) rows")
            for (row, request) in requests.enumerated() { judge(chosen[row], logits[row], request) }
        }
        compared += logits.count
    }

    private mutating func judge(_ found: SampledToken?, _ logits: [Float], _ request: SamplingRequest) {
        var logits = logits
        let expected = logits.withUnsafeMutableBufferPointer { sampler.sample($0, for: request) }
        guard !Self.agree(found, expected) else { return }
        wrong.append("\(request.parameters): \(describe(found)), not \(describe(expected))")
    }

    static func agree(_ found: SampledToken?, _ expected: SampledToken?) -> Bool {
        guard let found, let expected else { return found == nil && expected == nil }
        let logprobs =
            [(found.logprob, expected.logprob)] + zip(found.top, expected.top).map { ($0.logprob, $1.logprob) }
        return found.token == expected.token && found.top.map(\.token) == expected.top.map(\.token)
            && logprobs.allSatisfy { found, expected in
                guard let found, let expected else { return found == nil && expected == nil }
                return abs(found - expected) <= logprobBound
            }
    }

    private func describe(_ token: SampledToken?) -> String {
        guard let token else { return "nothing" }
        return "\(token.token.rawValue) \(token.logprob.map { "\($0)" } ?? "")"
    }
}

extension ChoiceComparison {
    private struct Way {
        var parameters = SamplingParameters()
        var banned: [TokenID] = []

        init(seed: UInt64, _ change: (inout Way) -> Void) {
            parameters.seed = seed &* 0x9E37_79B9_7F4A_7C15
            change(&self)
        }
    }

    /// Between them they reach every way that kernels have to choose a token.
    private static let ways: [@Sendable (UInt64) -> Way] = [
        { Way(seed: $0) { $0.parameters.temperature = 0 } },
        { Way(seed: $0) { $0.parameters.temperature = 0.7 } },
        { Way(seed: $0) { $0.parameters.topLogprobs = 20 } },
        { Way(seed: $0) { $0.parameters.topK = 7 } },
        { Way(seed: $0) { $0.parameters.topP = 0.6 } },
        { Way(seed: $0) { $0.parameters.minP = 0.3 } },
        {
            Way(seed: $0) {
                $0.parameters.temperature = 1.6
                ($0.parameters.topK, $0.parameters.topP, $0.parameters.minP) = (150, 0.9, 0.02)
            }
        },
        {
            Way(seed: $0) {
                $0.parameters.repetitionPenalty = 1.4
                ($0.parameters.presencePenalty, $0.parameters.frequencyPenalty) = (0.8, 0.3)
            }
        },
        {
            Way(seed: $0) {
                ($0.parameters.temperature, $0.parameters.topLogprobs) = (0, 3)
                $0.parameters.logitBias = [
                    LogitBias(token: TokenID(3), bias: 80), LogitBias(token: TokenID(4), bias: -2),
                ]
                $0.banned = [TokenID(3)]
            }
        },
        {
            Way(seed: $0) {
                ($0.parameters.topK, $0.parameters.topLogprobs) = (1, 0)
                $0.parameters.frequencyPenalty = -1
            }
        },
        {
            // A token that is once in the output is taken, one that is not or is twice is not.
            Way(seed: $0) {
                $0.parameters.temperature = 0
                ($0.parameters.frequencyPenalty, $0.parameters.presencePenalty) = (60, -100)
            }
        },
    ]
}
