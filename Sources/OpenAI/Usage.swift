package import JSON

/// Token counts of one answer.
package struct Usage: Sendable, Equatable {
    package var promptTokens: Int
    package var completionTokens: Int
    /// Prompt tokens whose KV was found in the prefix cache; nil if not known.
    package var cachedTokens: Int?

    package init(promptTokens: Int, completionTokens: Int, cachedTokens: Int? = nil) {
        self.promptTokens = promptTokens
        self.completionTokens = completionTokens
        self.cachedTokens = cachedTokens
    }

    package var json: JSONValue {
        var members: JSONObject = [
            "prompt_tokens": .integer(promptTokens),
            "completion_tokens": .integer(completionTokens),
            "total_tokens": .integer(promptTokens + completionTokens),
        ]
        if let cachedTokens {
            members["prompt_tokens_details"] = ["cached_tokens": .integer(cachedTokens)]
        }
        return .object(members)
    }
}
