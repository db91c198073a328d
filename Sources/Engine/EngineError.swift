package import Core

/// Why an engine refuses or fails a request.
package enum EngineError: Error, Equatable, CustomStringConvertible {
    /// The device failed, or produced nothing to choose from.
    case backend(String)
    case draining
    case emptyPrompt
    /// Adapter and prompt together exceed the device's memory for keys, values and adapters.
    case noRoom(blocks: Int, limit: Int)
    /// Prompt and tokens so far leave no room for another token.
    case promptTooLong(tokens: Int, limit: Int)
    case queueFull(limit: Int)
    case stopped
    case tokenOutOfRange(token: TokenID, vocabularySize: Int)

    package var description: String {
        switch self {
        case .backend(let reason): "the model's backend failed: \(reason)"
        case .draining: "the server is shutting down and takes no new requests"
        case .emptyPrompt: "the prompt has no tokens"
        case .noRoom(let blocks, let limit):
            "the adapter and the prompt need \(blocks) blocks of the device's memory, but there are \(limit)"
        case .promptTooLong(let tokens, let limit):
            "the prompt has \(tokens) tokens, but at most \(limit) leave room for an answer"
        case .queueFull(let limit): "\(limit) requests are waiting already, which is the limit"
        case .stopped: "the engine has stopped"
        case .tokenOutOfRange(let token, let size):
            "token id \(token) is outside the vocabulary of \(size) entries"
        }
    }

    /// A fixed word for metric labels.
    package var code: String {
        switch self {
        case .backend: "backend"
        case .draining: "draining"
        case .emptyPrompt: "empty_prompt"
        case .noRoom: "no_room"
        case .promptTooLong: "prompt_too_long"
        case .queueFull: "queue_full"
        case .stopped: "stopped"
        case .tokenOutOfRange: "token_out_of_range"
        }
    }
}
