/// The log probability of one generated token and of the likeliest alternatives, ready to be written.
package struct TokenReport: Sendable, Equatable {
    /// A token as text and bytes; the bytes are exact also where a token is only a part of a character.
    package struct Candidate: Sendable, Equatable {
        package let text: String
        package let bytes: [UInt8]
        /// Natural logarithm; at most 0.
        package let logprob: Float

        package init(text: String, bytes: [UInt8], logprob: Float) {
            self.text = text
            self.bytes = bytes
            self.logprob = logprob
        }
    }

    package let chosen: Candidate
    /// Likeliest first.
    package let alternatives: [Candidate]
    /// Where the token's text begins in the choice's text, in code points.
    package let textOffset: Int

    package init(chosen: Candidate, alternatives: [Candidate], textOffset: Int) {
        self.chosen = chosen
        self.alternatives = alternatives
        self.textOffset = textOffset
    }
}
