import Core

@testable import Sampling

extension Sampler {
    /// Samples from a row of numbers, for the short ways of saying it in tests.
    mutating func sample(
        _ row: [Float],
        _ parameters: SamplingParameters,
        history: [TokenID] = [],
        promptCount: Int = 0,
        position: Int = 0,
        banned: [TokenID] = []
    ) -> SampledToken? {
        var row = row
        return row.withUnsafeMutableBufferPointer {
            sample(
                logits: $0,
                parameters: parameters,
                history: history,
                promptCount: promptCount,
                position: position,
                banned: banned
            )
        }
    }

    /// The ids that were left to draw from in the last call, if that asked for no probabilities.
    var kept: [Int] { weights.indices.filter { weights[$0] > 0 } }
}

extension SamplingParameters {
    static func with(_ change: (inout SamplingParameters) -> Void) -> SamplingParameters {
        var parameters = SamplingParameters()
        change(&parameters)
        return parameters
    }

    static let greedy = with { $0.temperature = 0 }
}

func ids(_ values: Int32...) -> [TokenID] { values.map { TokenID($0) } }
