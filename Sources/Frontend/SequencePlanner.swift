import Adapters
import Core
import Engine
import OpenAI

/// The endpoint's default for an absent `max_tokens`.
enum MaxTokens {
    /// At most this many, fewer if the context ends before.
    case upTo(Int)
    case restOfContext
}

/// Makes engine requests of prompts: lengths against the context, ids against the vocabulary, a seed for each choice.
struct SequencePlanner {
    let model: ServedModel
    let options: GenerationOptions
    let lease: AdapterLease?
    let maxTokens: MaxTokens

    /// A sequence that is ready for an engine.
    struct Planned {
        let request: GenerationRequest
        let index: Int
        let opening: String
        let answer: AnswerText

        func running(_ events: GenerationEvents) -> GenerationPump.Sequence {
            GenerationPump.Sequence(id: request.id, index: index, opening: opening, events: events, answer: answer)
        }
    }

    /// All choices of the first prompt, then of the next; their indices count through.
    func plan(_ prompts: [Frontend.Prompt], ids: RequestIDs) throws(FrontendError) -> [Planned] {
        try checkTokens(options.stopTokenIDs, field: "stop_token_ids")
        try checkTokens(options.sampling.logitBias.map(\.token), field: "logit_bias")
        let seeds = SeedSequence(seed: options.seed)
        var planned: [Planned] = []
        for prompt in prompts {
            try checkTokens(prompt.tokens, field: "prompt")
            let stop = try stopConditions(promptTokens: prompt.tokens.count)
            for choice in 0..<options.choiceCount {
                planned.append(sequence(prompt, stop, seed: seeds.seed(choice: choice), planned.count, ids.next()))
            }
        }
        return planned
    }

    private func sequence(
        _ prompt: Frontend.Prompt,
        _ stop: StopConditions,
        seed: UInt64,
        _ index: Int,
        _ id: RequestID
    ) -> Planned {
        var sampling = options.sampling
        sampling.seed = seed
        let request = GenerationRequest(id: id, prompt: prompt.tokens, adapter: lease, sampling: sampling, stop: stop)
        let rules = AnswerText.Rules(
            endOfSequence: model.limits.endOfSequenceIDs,
            stopTokens: stop.tokenIDs,
            minTokens: stop.minTokens,
            includesStop: options.includesStop
        )
        let answer = AnswerText(
            index: index,
            opening: prompt.echo,
            rules: rules,
            options: options,
            tokenizer: model.tokenizer
        )
        return Planned(request: request, index: index, opening: prompt.echo, answer: answer)
    }

    private func stopConditions(promptTokens: Int) throws(FrontendError) -> StopConditions {
        let limit = model.limits.contextLength
        let room = limit - promptTokens
        let wanted = options.maxTokens ?? 1
        guard room >= wanted else {
            throw .contextExceeded(promptTokens: promptTokens, maxTokens: wanted, limit: limit)
        }
        let granted: Int =
            switch maxTokens {
            case .upTo(let tokens): options.maxTokens ?? min(tokens, room)
            case .restOfContext: options.maxTokens ?? room
            }
        guard options.minTokens <= granted else {
            let bound = "at most the answer's \(granted) tokens"
            throw .invalid(.outOfRange(field: "min_tokens", bound: bound, value: "\(options.minTokens)"))
        }
        let ends = options.ignoresEndOfSequence ? [] : model.limits.endOfSequenceIDs
        return StopConditions(maxTokens: granted, tokenIDs: ends + options.stopTokenIDs, minTokens: options.minTokens)
    }

    private func checkTokens(_ tokens: [TokenID], field: String) throws(FrontendError) {
        let size = model.limits.vocabularySize
        for token in tokens where Int(token.rawValue) >= size || token.rawValue < 0 {
            throw .invalid(.outOfRange(field: field, bound: "token ids below \(size)", value: "\(token)"))
        }
    }
}
