import JSON

/// Fields that change the answer and are not implemented: refused by name, since ignoring them would lie.
///
/// Any other unknown field is ignored, because clients send extras that change nothing.
enum UnsupportedFields {
    private static let reasons: KeyValuePairs<String, String> = [
        "suffix": "text insertion is not implemented",
        "functions": "use tools",
        "function_call": "use tools and tool_choice",
        "audio": "only text is generated",
        "prompt_logprobs": "log probabilities of the prompt are not computed",
        "use_beam_search": "beam search is not implemented",
        "guided_json": "constrained decoding is not implemented",
        "guided_regex": "constrained decoding is not implemented",
        "guided_choice": "constrained decoding is not implemented",
        "guided_grammar": "constrained decoding is not implemented",
        "structured_outputs": "constrained decoding is not implemented",
        "chat_template": "the template is the model's own",
        "continue_final_message": "the last message is always followed by a new turn",
        "prompt_embeds": "prompts are text or tokens",
        "bad_words": "use logit_bias",
        "allowed_token_ids": "use logit_bias",
        "documents": "no template gets documents; put them into a message",
        "truncate_prompt_tokens": "prompts are never cut",
    ]

    static func refuse(in fields: FieldReader) throws(OpenAIError) {
        for (name, reason) in reasons {
            guard let value = fields.value(name) else { continue }
            // What clients send to say "not this" is harmless.
            if case .bool(false) = value { continue }
            if case .string("") = value { continue }
            if case .string("none") = value { continue }
            if case .array(let elements) = value, elements.isEmpty { continue }
            throw .unsupported(field: name, reason: reason)
        }
        try refuseResponseFormat(in: fields)
        try refuseModalities(in: fields)
    }

    private static func refuseResponseFormat(in fields: FieldReader) throws(OpenAIError) {
        guard let format = try fields.object("response_format") else { return }
        let type = try format.requiredString("type")
        guard type == "text" else {
            throw .unsupported(field: "response_format", reason: "only {\"type\": \"text\"} is, got type '\(type)'")
        }
    }

    private static func refuseModalities(in fields: FieldReader) throws(OpenAIError) {
        guard let modalities = try fields.array("modalities") else { return }
        for case .string(let kind) in modalities where kind != "text" {
            throw .unsupported(field: "modalities", reason: "only text is generated, got '\(kind)'")
        }
    }
}
