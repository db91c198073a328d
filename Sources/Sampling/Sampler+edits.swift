import Core

/// A logit that was changed, and what it was.
struct LogitEdit: Sendable {
    let token: Int
    let logit: Float
}

extension Sampler {
    mutating func ban(_ tokens: Span<TokenID>, in logits: UnsafeMutableBufferPointer<Float>) {
        for index in tokens.indices { edit(tokens[index], in: logits) { _ in -.infinity } }
    }

    mutating func bias(_ biases: [LogitBias], in logits: UnsafeMutableBufferPointer<Float>) {
        for bias in biases { edit(bias.token, in: logits) { $0 + bias.bias } }
    }

    /// Lowers (or, as the parameters say, raises) the logits of tokens that were there before.
    ///
    ///     repetition   once for each token of `history`: a positive logit is divided, another multiplied
    ///     frequency    for each time it is in the output
    ///     presence     once if it is in the output
    mutating func penalize(
        _ history: Span<TokenID>,
        promptCount: Int,
        _ parameters: SamplingParameters,
        in logits: UnsafeMutableBufferPointer<Float>
    ) {
        for index in history.indices where isKnown(history[index]) {
            let isOutput = index >= promptCount
            occurrences[Int(history[index].rawValue)] += isOutput ? 2 : 0
            occurrences[Int(history[index].rawValue)] |= 1
        }
        for index in history.indices where isKnown(history[index]) {
            let token = history[index]
            let seen = occurrences[Int(token.rawValue)]
            // Later occurrences of a token find 0, which leaves the array clean for the next call.
            guard seen > 0 else { continue }
            occurrences[Int(token.rawValue)] = 0
            edit(token, in: logits) { Self.penalized($0, outputCount: Int(seen >> 1), parameters) }
        }
    }

    private static func penalized(_ logit: Float, outputCount: Int, _ parameters: SamplingParameters) -> Float {
        let penalty = parameters.repetitionPenalty
        let repeated = logit > 0 ? logit / penalty : logit * penalty
        guard outputCount > 0 else { return repeated }
        return repeated - Float(outputCount) * parameters.frequencyPenalty - parameters.presencePenalty
    }

    /// Puts every edited logit back, the last edit first.
    mutating func restore(_ logits: UnsafeMutableBufferPointer<Float>) {
        while let edit = edits.popLast() { logits[edit.token] = edit.logit }
    }

    private mutating func edit(
        _ token: TokenID,
        in logits: UnsafeMutableBufferPointer<Float>,
        _ change: (Float) -> Float
    ) {
        guard isKnown(token) else { return }
        let index = Int(token.rawValue)
        edits.append(LogitEdit(token: index, logit: logits[index]))
        logits[index] = change(logits[index])
    }

    private func isKnown(_ token: TokenID) -> Bool { token.rawValue >= 0 && token.rawValue < vocabularySize }
}
