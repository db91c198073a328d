package import JSON

/// Answers of `/v1/completions`: whole (`text_completion`) or in chunks of the same shape.
package struct CompletionResponse: AnswerFormat {
    private let head: ResponseHead
    private let reportsUsage: Bool

    /// - Parameter reportsUsage: whether a stream ends with usage; every other chunk then says `"usage": null`.
    package init(head: ResponseHead, reportsUsage: Bool = false) {
        self.head = head
        self.reportsUsage = reportsUsage
    }

    /// The whole answer.
    package func json(choices: [Choice], usage: Usage) -> JSONValue {
        let choices = choices.map {
            Self.choice(index: $0.index, text: $0.text, end: $0.end, reports: $0.reports)
        }
        var members = head.members(object: "text_completion", choices: choices)
        members["usage"] = usage.json
        return .object(members)
    }

    package func json(openingChoice index: Int) -> JSONValue? { nil }

    /// One chunk of a stream.
    package func json(delta: ChoiceDelta) -> JSONValue {
        let choice = Self.choice(index: delta.index, text: delta.text, end: delta.end, reports: delta.reports)
        var members = head.members(object: "text_completion", choices: [choice])
        if reportsUsage { members["usage"] = .null }
        return .object(members)
    }

    /// The chunk after the last choice's end.
    package func json(usage: Usage) -> JSONValue {
        var members = head.members(object: "text_completion", choices: [])
        members["usage"] = usage.json
        return .object(members)
    }

    private static func choice(index: Int, text: String, end: ChoiceEnd?, reports: [TokenReport]?) -> JSONValue {
        [
            "index": .integer(index),
            "text": .string(text),
            "logprobs": reports?.completionJSON ?? .null,
            "finish_reason": .optional(end?.finishReason),
            "stop_reason": end?.stopReason ?? .null,
        ]
    }
}
