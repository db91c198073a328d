/// A token and the natural logarithm of its probability.
package struct TokenLogprob: Sendable, Equatable {
    package let token: TokenID
    package let logprob: Float

    package init(token: TokenID, logprob: Float) {
        self.token = token
        self.logprob = logprob
    }
}
