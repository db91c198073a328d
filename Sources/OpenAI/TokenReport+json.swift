import JSON

extension [TokenReport] {
    /// The `logprobs` object of a text completion: parallel arrays.
    var completionJSON: JSONValue {
        [
            "tokens": .array(map { .string($0.chosen.text) }),
            "token_logprobs": .array(map { .logprob($0.chosen.logprob) }),
            "top_logprobs": .array(map(\.alternativesByText)),
            "text_offset": .array(map { .integer($0.textOffset) }),
        ]
    }

    /// The `logprobs` object of a chat completion: one object for each token.
    var chatJSON: JSONValue { ["content": .array(map(\.chatJSON)), "refusal": nil] }
}

extension TokenReport {
    /// Keyed by text, so of two tokens with the same text only the likelier is shown; the chosen one is always there.
    fileprivate var alternativesByText: JSONValue {
        var members = JSONObject()
        for candidate in alternatives {
            _ = members.insert(candidate.text, .logprob(candidate.logprob))
        }
        _ = members.insert(chosen.text, .logprob(chosen.logprob))
        return .object(members)
    }

    fileprivate var chatJSON: JSONValue {
        var members = chosen.members
        members["top_logprobs"] = .array(alternatives.map { .object($0.members) })
        return .object(members)
    }
}

extension TokenReport.Candidate {
    fileprivate var members: JSONObject {
        [
            "token": .string(text),
            "logprob": .logprob(logprob),
            "bytes": .array(bytes.map { .integer(Int($0)) }),
        ]
    }
}
