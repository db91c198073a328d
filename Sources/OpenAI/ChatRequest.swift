import Core
package import JSON

/// A valid request to `/v1/chat/completions`.
package struct ChatRequest: Sendable, Equatable {
    package let model: String
    /// At least one.
    ///
    /// Roles and contents are as templates expect them; see `ChatMessage`.
    package let messages: [JSONValue]
    /// For the template; nil if there are none or `tool_choice` is `none`.
    ///
    /// The answer is text all the same.
    package let tools: [JSONValue]?
    /// Whether a template's end that opens the assistant's turn is rendered.
    package let addsGenerationPrompt: Bool
    package let addsSpecialTokens: Bool
    /// `chat_template_kwargs`: variables that the template may read.
    package let templateVariables: JSONObject
    package let options: GenerationOptions

    private static let reservedVariables: Set<String> = ["messages", "tools", "add_generation_prompt"]

    /// Parses and validates a body.
    package init(parsing body: [UInt8]) throws(OpenAIError) {
        try self.init(FieldReader(body: body))
    }

    package init(_ fields: FieldReader) throws(OpenAIError) {
        model = try fields.requiredString("model")
        messages = try Self.messages(fields)
        tools = try Self.tools(fields)
        addsGenerationPrompt = try fields.bool("add_generation_prompt") ?? true
        addsSpecialTokens = try fields.bool("add_special_tokens") ?? false
        guard try fields.bool("echo") != true else {
            throw .unsupported(field: "echo", reason: "an answer to messages does not repeat them")
        }
        templateVariables = try Self.variables(fields)
        var options = try GenerationOptions(fields)
        options.sampling.topLogprobs = try Self.topLogprobs(fields)
        self.options = options
    }

    private static func messages(_ fields: FieldReader) throws(OpenAIError) -> [JSONValue] {
        guard let elements = try fields.array("messages"), !elements.isEmpty else {
            throw .missing(field: "messages")
        }
        guard elements.count <= RequestLimits.messages else {
            throw .tooMany(field: "messages", limit: RequestLimits.messages, count: elements.count)
        }
        var messages: [JSONValue] = []
        for (index, element) in elements.enumerated() {
            messages.append(try ChatMessage.normalized(element, path: "messages[\(index)]"))
        }
        return messages
    }

    private static func tools(_ fields: FieldReader) throws(OpenAIError) -> [JSONValue]? {
        guard let elements = try fields.array("tools"), !elements.isEmpty else {
            _ = try offersTools(fields)
            return nil
        }
        guard elements.count <= RequestLimits.tools else {
            throw .tooMany(field: "tools", limit: RequestLimits.tools, count: elements.count)
        }
        for (index, element) in elements.enumerated() {
            let tool = try FieldReader(element, path: "tools[\(index)]")
            guard let function = try tool.object("function") else { throw .missing(field: tool.path("function")) }
            _ = try function.requiredString("name")
        }
        return try offersTools(fields) ? elements : nil
    }

    /// `tool_choice`: forcing a call needs constrained decoding, so only the two free choices are known.
    private static func offersTools(_ fields: FieldReader) throws(OpenAIError) -> Bool {
        switch fields.value("tool_choice") {
        case nil, .string("auto"): true
        case .string("none"): false
        case .string(let choice):
            throw .unsupported(field: "tool_choice", reason: "only 'none' and 'auto' are, got '\(choice)'")
        case .some:
            throw .unsupported(field: "tool_choice", reason: "only 'none' and 'auto' are")
        }
    }

    private static func variables(_ fields: FieldReader) throws(OpenAIError) -> JSONObject {
        guard let value = fields.value("chat_template_kwargs") else { return JSONObject() }
        guard case .object(let members) = value else {
            throw .wrongType(field: "chat_template_kwargs", expected: "an object", actual: value.typeName)
        }
        for (name, _) in members where reservedVariables.contains(name) {
            throw .conflict(field: "chat_template_kwargs", reason: "'\(name)' is set by the request itself")
        }
        return members
    }

    /// `logprobs` asks for probabilities, `top_logprobs` for how many alternatives.
    private static func topLogprobs(_ fields: FieldReader) throws(OpenAIError) -> Int? {
        let wanted = try fields.bool("logprobs") ?? false
        let count = try fields.integer("top_logprobs", in: RequestLimits.alternatives)
        if let count, count > 0, !wanted {
            throw .conflict(field: "top_logprobs", reason: "it is only allowed when logprobs is true")
        }
        return wanted ? count ?? 0 : nil
    }
}
