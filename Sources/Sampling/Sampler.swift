package import Core

/// Chooses tokens from logits: a pure function of logits, parameters, tokens so far and position, with scratch memory
/// that its owner keeps from call to call.
///
/// One for each thread that samples.
///
/// The order is vLLM's, so that parameters tuned there mean the same here:
///
///     1. log-probabilities of the raw logits, if asked for
///     2. banned tokens, then logit bias
///     3. repetition penalty (prompt and output), then frequency and presence penalty (output)
///     4. temperature; 0 takes the largest logit, and of equals the lowest id
///     5. min-p, then top-k, then top-p of what is left
///     6. one draw over the tokens left, laid out in the order of their ids
///
/// Temperature comes before the cuts, so that they see the probabilities actually drawn from; min-p before top-k and
/// top-p, because it compares with the largest probability only, which no other cut changes, while top-p counts the
/// mass of what the cuts before it left. Where weights are equal, lower ids are kept first.
package struct Sampler: Sendable {
    package let vocabularySize: Int

    /// By token id: its probability times a constant, 0 if cut.
    var weights: [Float]
    var cutoffs = CutoffFinder()
    /// By token id, zero between calls: bit 0 tells whether it was seen, the rest counts it in the output.
    var occurrences: [UInt32]
    /// Logits as they were before an edit, to be put back.
    var edits: [LogitEdit] = []

    /// - Parameter vocabularySize: logits in each row, at least 1.
    package init(vocabularySize: Int) {
        precondition(vocabularySize >= 1, "a vocabulary has at least one token, got \(vocabularySize)")
        self.vocabularySize = vocabularySize
        weights = Array(repeating: 0, count: vocabularySize)
        occurrences = Array(repeating: 0, count: vocabularySize)
        edits.reserveCapacity(1024)
    }

    /// Chooses the token at `position`.
    ///
    /// Allocates nothing in the steady state, but for the alternatives asked for.
    ///
    /// - Parameters:
    ///   - logits: `[vocabularySize]`, raw; changed while the call lasts and put back. NaN counts as impossible.
    ///   - parameters: within the ranges they state.
    ///   - history: prompt and output so far; ids that have no logit are passed over.
    ///   - promptCount: how many tokens of `history` are prompt.
    ///   - position: at least 0, the place in the sequence of the token to be chosen: with the seed it fixes the draw,
    ///     so a sequence resumed elsewhere goes on alike.
    ///   - banned: ids that must not be chosen, such as end-of-sequence before `minTokens`.
    /// - Returns: nil if no token is possible, every logit being -∞, NaN or banned.
    package mutating func sample(
        logits: UnsafeMutableBufferPointer<Float>,
        parameters: SamplingParameters,
        history: Span<TokenID>,
        promptCount: Int,
        position: Int,
        banned: Span<TokenID>
    ) -> SampledToken? {
        precondition(logits.count == vocabularySize, "\(logits.count) logits for \(vocabularySize) tokens")
        ban(banned, in: logits)
        bias(parameters.logitBias, in: logits)
        if parameters.hasPenalties { penalize(history, promptCount: promptCount, parameters, in: logits) }
        let choice = choose(UnsafeBufferPointer(logits), parameters, position: position)
        restore(logits)
        guard let choice else { return nil }
        return report(choice, in: UnsafeBufferPointer(logits), top: parameters.topLogprobs)
    }

    private mutating func choose(
        _ logits: UnsafeBufferPointer<Float>,
        _ parameters: SamplingParameters,
        position: Int
    ) -> Int? {
        guard let best = Row.argmax(logits) else { return nil }
        if parameters.isGreedy { return best.index }
        let uniform = Philox(seed: parameters.seed).uniform(position: position)
        return weights.withUnsafeMutableBufferPointer { weights in
            Self.weigh(logits, largest: best.value, parameters, into: weights)
            cutoffs.cut(weights, topK: parameters.topK, topP: parameters.topP)
            let kept = UnsafeBufferPointer(weights)
            return Row.locate(uniform * Row.sum(kept), in: kept)
        }
    }

    /// `weights[i] = exp((logits[i] - largest) / temperature)`, 0 where that is below min-p.
    private static func weigh(
        _ logits: UnsafeBufferPointer<Float>,
        largest: Float,
        _ parameters: SamplingParameters,
        into weights: UnsafeMutableBufferPointer<Float>
    ) {
        let temperature = parameters.temperature
        let minP = parameters.minP
        for index in 0..<logits.count {
            // Divided rather than multiplied by the inverse, which overflows for the smallest temperatures. The
            // largest is told apart, for ∞ - ∞ is NaN.
            let distance = logits[index] == largest ? 0 : logits[index] - largest
            let weight = exponential(distance / temperature)
            weights[index] = weight >= minP ? weight : 0
        }
    }
}

extension CutoffFinder {
    /// Sets to 0 the weights that top-k, and of the rest top-p, do not keep.
    mutating func cut(_ weights: UnsafeMutableBufferPointer<Float>, topK: Int?, topP: Float) {
        let all = UnsafeBufferPointer(weights)
        var cutoff: Cutoff?
        if let topK, topK < weights.count { cutoff = find(.count(max(1, topK)), in: all) }
        if topP < 1 {
            let mass = cutoff?.mass ?? Row.sum(all)
            // The likeliest tokens that make up top-p of the top-k are some of the top-k.
            cutoff = find(.mass(Double(topP) * mass), in: all)
        }
        cutoff?.apply(to: weights)
    }
}
