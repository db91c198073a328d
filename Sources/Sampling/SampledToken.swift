package import Core

/// What one step chose for one sequence.
package struct SampledToken: Sendable, Equatable {
    package let token: TokenID
    /// The natural logarithm of the token's probability in the raw logits; nil unless asked for.
    package let logprob: Float?
    /// The likeliest tokens, likeliest first, lowest id first among equals; as many as asked for, fewer if fewer are
    /// possible.
    ///
    /// The chosen token is among them only if it is that likely.
    package let top: [TokenLogprob]

    package init(token: TokenID, logprob: Float? = nil, top: [TokenLogprob] = []) {
        self.token = token
        self.logprob = logprob
        self.top = top
    }
}
