import ChatTemplates
import Core
import JSON
package import OpenAI
import Tokenization

extension Frontend {
    /// Starts answering a conversation; up to the end of the context unless told otherwise.
    @concurrent
    package func chat(_ request: ChatRequest) async throws(FrontendError) -> Generation {
        let arrival = ContinuousClock.now
        let lease = try await resolve(request.model)
        return try start(
            [Prompt(tokens: try tokens(of: request))],
            model: request.model,
            lease: lease,
            options: request.options,
            maxTokens: .restOfContext,
            arrival: arrival
        )
    }

    /// A conversation as the model reads it.
    ///
    /// The template writes special tokens itself.
    func tokens(of request: ChatRequest) throws(FrontendError) -> [TokenID] {
        model.tokenizer.encode(try rendered(request), addSpecialTokens: request.addsSpecialTokens)
    }

    private func rendered(_ request: ChatRequest) throws(FrontendError) -> String {
        guard let template = model.template else { throw .noChatTemplate(model: request.model) }
        var variables = model.templateVariables
        for (name, value) in request.templateVariables { variables[name] = value }
        do {
            return try template.render(
                messages: request.messages,
                tools: request.tools,
                addGenerationPrompt: request.addsGenerationPrompt,
                variables: variables
            )
        } catch {
            throw .template(error)
        }
    }
}
