package import Adapters
package import Core

/// What a frontend hands to an engine: one sequence to generate, already tokenized and validated.
package struct GenerationRequest: Sendable {
    package let id: RequestID
    /// At least one token.
    package let prompt: [TokenID]
    /// Tokens generated before the request moved here; they count towards `stop.maxTokens` and are not sent again.
    package let generated: [TokenID]
    /// The adapter's version this request keeps to its end; nil for the bare base model.
    package let adapter: AdapterLease?
    package let sampling: SamplingParameters
    package let stop: StopConditions

    package init(
        id: RequestID,
        prompt: [TokenID],
        generated: [TokenID] = [],
        adapter: AdapterLease? = nil,
        sampling: SamplingParameters,
        stop: StopConditions
    ) {
        self.id = id
        self.prompt = prompt
        self.generated = generated
        self.adapter = adapter
        self.sampling = sampling
        self.stop = stop
    }
}

/// What an engine tells of a request. The last event, and only the last, is `finished` or `failed`.
package enum GenerationEvent: Sendable, Equatable {
    case token(GeneratedToken)
    case finished(FinishReason)
    case failed(EngineError)
}

/// One token of an answer.
package struct GeneratedToken: Sendable, Equatable {
    /// Position within the generated tokens, from 0; consecutive, also across a resume.
    package let index: Int
    package let id: TokenID
    /// Natural logarithm of the token's probability; nil unless asked for.
    package let logprob: Float?
    /// The likeliest tokens, best first; empty unless asked for.
    package let top: [TokenLogprob]

    package init(index: Int, id: TokenID, logprob: Float? = nil, top: [TokenLogprob] = []) {
        self.index = index
        self.id = id
        self.logprob = logprob
        self.top = top
    }
}
