import Core
package import OpenAI
import Tokenization

extension Frontend {
    /// Starts answering a text completion; 16 tokens unless told otherwise, as OpenAI does.
    @concurrent
    package func complete(_ request: CompletionRequest) async throws(FrontendError) -> Generation {
        let arrival = ContinuousClock.now
        let lease = try await resolve(request.model)
        return try start(
            request.prompts.map { prompt(for: $0, in: request) },
            model: request.model,
            lease: lease,
            options: request.options,
            maxTokens: .upTo(16),
            arrival: arrival
        )
    }

    private func prompt(for prompt: CompletionRequest.Prompt, in request: CompletionRequest) -> Prompt {
        switch prompt {
        case .text(let text):
            let tokens = model.tokenizer.encode(text, addSpecialTokens: request.addsSpecialTokens)
            return Prompt(tokens: tokens, echo: request.echo ? text : "")
        case .tokens(let tokens):
            // Ids outside the vocabulary are refused later; none of them reaches the tokenizer here.
            let isKnown = tokens.allSatisfy { Int($0.rawValue) < model.tokenizer.vocabularySize }
            let text = request.echo && isKnown ? model.tokenizer.decode(tokens, skipSpecialTokens: true) : ""
            return Prompt(tokens: tokens, echo: text)
        }
    }
}
