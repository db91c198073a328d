package import Adapters
package import ChatTemplates
package import Engine
package import OpenAI

/// Why a request got no answer, or only a part of one.
package enum FrontendError: Error, Equatable, CustomStringConvertible {
    case adapter(AdapterError)
    /// Ended from outside: the client went away, or the server stopped.
    case cancelled
    /// Prompt and answer together would not fit.
    case contextExceeded(promptTokens: Int, maxTokens: Int, limit: Int)
    case engine(EngineError)
    /// A value that only the model's sizes show to be wrong.
    case invalid(OpenAIError)
    /// No base and no adapter has this name. There is never a fallback.
    case modelNotFound(String)
    case noChatTemplate(model: String)
    /// The client left `limit` pieces of its answer unread.
    case readerTooSlow(limit: Int)
    case template(ChatTemplateError)

    package var description: String {
        switch self {
        case .adapter(let error): "\(error)"
        case .cancelled: "the request was cancelled before it finished"
        case .contextExceeded(let prompt, let answer, let limit):
            // No sum of the two: a client may ask for as many as an Int holds.
            "this model's context is \(limit) tokens, but the prompt has \(prompt) and the answer was to have "
                + "\(answer)"
        case .engine(let error): "\(error)"
        case .invalid(let error): "\(error)"
        case .modelNotFound(let name): "the model '\(name)' does not exist"
        case .noChatTemplate(let model): "the model '\(model)' has no chat template; use /v1/completions"
        case .readerTooSlow(let limit): "the client left \(limit) pieces of the answer unread, which is the limit"
        case .template(let error): "\(error)"
        }
    }
}
