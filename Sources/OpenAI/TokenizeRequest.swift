package import Core

/// A valid request to `/tokenize`: a plain prompt, or a conversation to be rendered first.
package struct TokenizeRequest: Sendable, Equatable {
    package enum Subject: Sendable, Equatable {
        case prompt(String)
        case chat(ChatRequest)
    }

    package let subject: Subject
    package let addsSpecialTokens: Bool
    /// Whether the answer shows each token's text too.
    package let showsTokens: Bool

    /// Parses and validates a body; a conversation needs a `model` as in the chat endpoint.
    package init(parsing body: [UInt8]) throws(OpenAIError) {
        let fields = try FieldReader(body: body)
        if fields.value("messages") != nil {
            let chat = try ChatRequest(fields)
            subject = .chat(chat)
            addsSpecialTokens = chat.addsSpecialTokens
        } else {
            guard let prompt = try fields.string("prompt") else { throw .missing(field: "prompt") }
            subject = .prompt(prompt)
            addsSpecialTokens = try fields.bool("add_special_tokens") ?? true
        }
        showsTokens = try fields.bool("return_token_strs") ?? false
    }
}

/// A valid request to `/detokenize`.
package struct DetokenizeRequest: Sendable, Equatable {
    package let tokens: [TokenID]

    /// Parses and validates a body.
    package init(parsing body: [UInt8]) throws(OpenAIError) {
        let fields = try FieldReader(body: body)
        guard let tokens = try fields.tokens("tokens", limit: 1 << 20) else { throw .missing(field: "tokens") }
        self.tokens = tokens
    }
}
