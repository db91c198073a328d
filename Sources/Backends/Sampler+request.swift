package import Sampling

extension Sampler {
    /// Chooses the next token of a request's sequence; see the function that this calls.
    ///
    /// - Parameter logits: changed while the call lasts and put back.
    package mutating func sample(
        _ logits: UnsafeMutableBufferPointer<Float>,
        for request: SamplingRequest
    ) -> SampledToken? {
        sample(
            logits: logits,
            parameters: request.parameters,
            history: request.history.span,
            promptCount: request.promptCount,
            position: request.history.count,
            banned: request.banned.span
        )
    }
}
