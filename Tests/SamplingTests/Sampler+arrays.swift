import Core

@testable import Sampling

extension Sampler {
    /// Chooses the token at `position`, for tokens kept in arrays; see the other `sample`.
    mutating func sample(
        logits: UnsafeMutableBufferPointer<Float>,
        parameters: SamplingParameters,
        history: [TokenID],
        promptCount: Int,
        position: Int,
        banned: [TokenID] = []
    ) -> SampledToken? {
        sample(
            logits: logits,
            parameters: parameters,
            history: history.span,
            promptCount: promptCount,
            position: position,
            banned: banned.span
        )
    }
}
