/// A constant added to one token's logit.
package struct LogitBias: Sendable, Equatable {
    package let token: TokenID
    package let bias: Float

    package init(token: TokenID, bias: Float) {
        self.token = token
        self.bias = bias
    }
}

/// How the next token is chosen from logits. Validated where requests enter; ranges are stated, not checked again.
package struct SamplingParameters: Sendable, Equatable {
    /// `0 ... 2`; 0 is greedy.
    package var temperature: Float = 1
    /// Keep the `topK` likeliest tokens; nil keeps all.
    package var topK: Int?
    /// `(0, 1]`: keep the smallest set of likeliest tokens that holds this probability.
    package var topP: Float = 1
    /// `0 ... 1`: drop tokens less likely than this share of the likeliest.
    package var minP: Float = 0
    /// `(0, 2]`, over prompt and output.
    package var repetitionPenalty: Float = 1
    /// `-2 ... 2`, once for each token present in the output.
    package var presencePenalty: Float = 0
    /// `-2 ... 2`, for each occurrence in the output.
    package var frequencyPenalty: Float = 0
    package var logitBias: [LogitBias] = []
    package var seed: UInt64 = 0
    /// How many alternatives to report beside the chosen token, `0 ... 20`; nil reports no probabilities.
    package var topLogprobs: Int?

    package init() {}

    package var isGreedy: Bool { temperature == 0 }

    /// Whether the logits must be changed before choosing, which needs the tokens so far.
    package var hasPenalties: Bool { repetitionPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0 }
}

/// When a sequence ends by itself.
package struct StopConditions: Sendable, Equatable {
    /// At least 1; counts generated tokens, those made before a resume included.
    package var maxTokens: Int
    /// End-of-sequence ids of the model and stop ids of the request; the stopping token is delivered.
    package var tokenIDs: [TokenID]
    /// No stop id is sampled before this many tokens are out.
    package var minTokens: Int

    package init(maxTokens: Int, tokenIDs: [TokenID] = [], minTokens: Int = 0) {
        self.maxTokens = maxTokens
        self.tokenIDs = tokenIDs
        self.minTokens = minTokens
    }

    /// Whether a sequence ends with `token`, the last of `generatedCount`, and why; nil if it goes on.
    package func reason(toEndWith token: TokenID, generatedCount: Int) -> FinishReason? {
        if tokenIDs.contains(token) { return .stop(token) }
        return generatedCount >= maxTokens ? .length : nil
    }
}

/// Why a sequence ended.
package enum FinishReason: Sendable, Equatable {
    /// A stop id was sampled.
    case stop(TokenID)
    /// `maxTokens` or the context's end was reached.
    case length
    case cancelled
}
