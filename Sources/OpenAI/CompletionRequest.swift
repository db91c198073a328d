package import Core
import JSON

/// A valid request to `/v1/completions`.
package struct CompletionRequest: Sendable, Equatable {
    /// One prompt: text, or tokens that the caller made.
    package enum Prompt: Sendable, Equatable {
        case text(String)
        case tokens([TokenID])
    }

    package let model: String
    /// At least one; at most `RequestLimits.sequences` divided by the choices of each.
    package let prompts: [Prompt]
    package let echo: Bool
    package let addsSpecialTokens: Bool
    package let options: GenerationOptions

    /// Parses and validates a body.
    package init(parsing body: [UInt8]) throws(OpenAIError) {
        try self.init(FieldReader(body: body))
    }

    package init(_ fields: FieldReader) throws(OpenAIError) {
        model = try fields.requiredString("model")
        prompts = try Self.prompts(fields)
        echo = try fields.bool("echo") ?? false
        addsSpecialTokens = try fields.bool("add_special_tokens") ?? true
        var options = try GenerationOptions(fields)
        options.sampling.topLogprobs = try fields.integer("logprobs", in: RequestLimits.alternatives)
        self.options = options
        let sequences = prompts.count * options.choiceCount
        guard sequences <= RequestLimits.sequences else {
            throw .tooMany(field: "prompt", limit: RequestLimits.sequences / options.choiceCount, count: prompts.count)
        }
        if echo, options.sampling.topLogprobs != nil {
            throw .conflict(field: "echo", reason: "log probabilities of the prompt are not computed")
        }
    }

    /// `prompt`: a string, strings, tokens, or arrays of tokens.
    private static func prompts(_ fields: FieldReader) throws(OpenAIError) -> [Prompt] {
        guard let value = fields.value("prompt") else { throw .missing(field: "prompt") }
        switch value {
        case .string(let text): return [.text(text)]
        case .array(let elements): return try prompts(elements)
        default: throw wrongType(value)
        }
    }

    private static func prompts(_ elements: [JSONValue]) throws(OpenAIError) -> [Prompt] {
        guard let first = elements.first else { throw .missing(field: "prompt") }
        if case .integer = first { return [.tokens(try tokens(elements, "prompt"))] }
        guard elements.count <= RequestLimits.sequences else {
            throw .tooMany(field: "prompt", limit: RequestLimits.sequences, count: elements.count)
        }
        var prompts: [Prompt] = []
        for (index, element) in elements.enumerated() {
            switch element {
            case .string(let text): prompts.append(.text(text))
            case .array(let inner): prompts.append(.tokens(try tokens(inner, "prompt[\(index)]")))
            default: throw wrongType(element)
            }
        }
        return prompts
    }

    private static func tokens(_ elements: [JSONValue], _ field: String) throws(OpenAIError) -> [TokenID] {
        guard !elements.isEmpty else { throw .missing(field: field) }
        var tokens: [TokenID] = []
        tokens.reserveCapacity(elements.count)
        for element in elements { tokens.append(try element.token(field)) }
        return tokens
    }

    private static func wrongType(_ value: JSONValue) -> OpenAIError {
        let expected = "a string, an array of strings, an array of token ids, or an array of such arrays"
        return .wrongType(field: "prompt", expected: expected, actual: value.typeName)
    }
}
