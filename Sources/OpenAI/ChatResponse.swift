package import JSON

/// Answers of `/v1/chat/completions`: whole (`chat.completion`) or in chunks (`chat.completion.chunk`).
package struct ChatResponse: AnswerFormat {
    private let head: ResponseHead
    private let reportsUsage: Bool

    /// - Parameter reportsUsage: whether a stream ends with usage; every other chunk then says `"usage": null`.
    package init(head: ResponseHead, reportsUsage: Bool = false) {
        self.head = head
        self.reportsUsage = reportsUsage
    }

    /// The whole answer.
    package func json(choices: [Choice], usage: Usage) -> JSONValue {
        let choices: [JSONValue] = choices.map { choice in
            [
                "index": .integer(choice.index),
                "message": ["role": "assistant", "content": .string(choice.text), "refusal": nil],
                "logprobs": choice.reports?.chatJSON ?? .null,
                "finish_reason": .string(choice.end.finishReason),
                "stop_reason": choice.end.stopReason,
            ]
        }
        var members = head.members(object: "chat.completion", choices: choices)
        members["usage"] = usage.json
        return .object(members)
    }

    /// The first chunk of a choice, which says who speaks.
    package func json(openingChoice index: Int) -> JSONValue? {
        chunk(index: index, delta: ["role": "assistant", "content": ""], reports: nil, end: nil)
    }

    /// One chunk of a stream; the last of a choice has an empty delta when no text is left.
    package func json(delta: ChoiceDelta) -> JSONValue {
        let content: JSONValue = delta.end != nil && delta.text.isEmpty ? [:] : ["content": .string(delta.text)]
        return chunk(index: delta.index, delta: content, reports: delta.reports, end: delta.end)
    }

    /// The chunk after the last choice's end.
    package func json(usage: Usage) -> JSONValue {
        var members = head.members(object: "chat.completion.chunk", choices: [])
        members["usage"] = usage.json
        return .object(members)
    }

    private func chunk(index: Int, delta: JSONValue, reports: [TokenReport]?, end: ChoiceEnd?) -> JSONValue {
        let choice: JSONValue = [
            "index": .integer(index),
            "delta": delta,
            "logprobs": reports?.chatJSON ?? .null,
            "finish_reason": .optional(end?.finishReason),
            "stop_reason": end?.stopReason ?? .null,
        ]
        var members = head.members(object: "chat.completion.chunk", choices: [choice])
        if reportsUsage { members["usage"] = .null }
        return .object(members)
    }
}
