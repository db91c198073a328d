package import Core
import JSON

extension GenerationOptions {
    /// Reads the shared fields; logprobs are the endpoints' own.
    package init(_ fields: FieldReader) throws(OpenAIError) {
        self.init()
        try UnsupportedFields.refuse(in: fields)
        try readSampling(fields)
        try readLength(fields)
        try readStops(fields)
        try readAnswer(fields)
    }

    private mutating func readSampling(_ fields: FieldReader) throws(OpenAIError) {
        sampling.temperature = try fields.number("temperature", in: 0...2) ?? 1
        sampling.topP = try fields.number("top_p", in: 0...1, excludingLower: true) ?? 1
        sampling.topK = try fields.topK()
        sampling.minP = try fields.number("min_p", in: 0...1) ?? 0
        sampling.repetitionPenalty = try fields.number("repetition_penalty", in: 0...2, excludingLower: true) ?? 1
        sampling.presencePenalty = try fields.number("presence_penalty", in: -2...2) ?? 0
        sampling.frequencyPenalty = try fields.number("frequency_penalty", in: -2...2) ?? 0
        sampling.logitBias = try fields.logitBias()
        seed = try fields.integer("seed", in: Int.min...Int.max).map { UInt64(bitPattern: Int64($0)) }
    }

    private mutating func readLength(_ fields: FieldReader) throws(OpenAIError) {
        let older = try fields.integer("max_tokens", in: 1...Int.max)
        maxTokens = try fields.integer("max_completion_tokens", in: 1...Int.max) ?? older
        minTokens = try fields.integer("min_tokens", in: 0...Int.max) ?? 0
        if let maxTokens, minTokens > maxTokens {
            throw .conflict(field: "min_tokens", reason: "\(minTokens) is more than max_tokens, \(maxTokens)")
        }
    }

    private mutating func readStops(_ fields: FieldReader) throws(OpenAIError) {
        stops = try fields.stops()
        includesStop = try fields.bool("include_stop_str_in_output") ?? false
        stopTokenIDs = try fields.tokens("stop_token_ids", limit: RequestLimits.stopTokenIDs) ?? []
        ignoresEndOfSequence = try fields.bool("ignore_eos") ?? false
        skipsSpecialTokens = try fields.bool("skip_special_tokens") ?? true
    }

    private mutating func readAnswer(_ fields: FieldReader) throws(OpenAIError) {
        choiceCount = try fields.integer("n", in: RequestLimits.choices) ?? 1
        if let best = try fields.integer("best_of", in: RequestLimits.choices), best != choiceCount {
            throw .unsupported(field: "best_of", reason: "it must equal n, which is \(choiceCount), or be absent")
        }
        isStreaming = try fields.bool("stream") ?? false
        if let options = try fields.object("stream_options") {
            guard isStreaming else {
                throw .conflict(field: "stream_options", reason: "it is only allowed when stream is true")
            }
            streamsUsage = try options.bool("include_usage") ?? false
        }
        _ = try fields.string("user")
    }
}

extension FieldReader {
    /// Tokens of an array of integers; nil if absent.
    package func tokens(_ name: String, limit: Int) throws(OpenAIError) -> [TokenID]? {
        guard let elements = try array(name) else { return nil }
        guard elements.count <= limit else {
            throw .tooMany(field: path(name), limit: limit, count: elements.count)
        }
        var tokens: [TokenID] = []
        for (index, element) in elements.enumerated() {
            tokens.append(try element.token("\(path(name))[\(index)]"))
        }
        return tokens
    }

    /// `top_k`: 0 and -1 keep every token, as if absent.
    fileprivate func topK() throws(OpenAIError) -> Int? {
        guard let count = try integer("top_k", in: -1...Int(Int32.max)), count > 0 else { return nil }
        return count
    }

    /// `stop`: one string or several, none empty.
    fileprivate func stops() throws(OpenAIError) -> [String] {
        guard let value = value("stop") else { return [] }
        let elements: [JSONValue] =
            switch value {
            case .array(let elements): elements
            default: [value]
            }
        guard elements.count <= RequestLimits.stops else {
            throw .tooMany(field: "stop", limit: RequestLimits.stops, count: elements.count)
        }
        var stops: [String] = []
        for element in elements {
            guard case .string(let text) = element else {
                throw .wrongType(field: "stop", expected: "a string or an array of strings", actual: element.typeName)
            }
            guard (1...RequestLimits.stopBytes).contains(text.utf8.count) else {
                let bound = "between 1 and \(RequestLimits.stopBytes) bytes long"
                throw .outOfRange(field: "stop", bound: bound, value: "\(text.utf8.count)")
            }
            stops.append(text)
        }
        return stops
    }

    /// `logit_bias`: an object from decimal token id to a bias between -100 and 100.
    fileprivate func logitBias() throws(OpenAIError) -> [LogitBias] {
        guard let value = value("logit_bias") else { return [] }
        guard case .object(let members) = value else {
            throw .wrongType(field: "logit_bias", expected: "an object", actual: value.typeName)
        }
        guard members.count <= RequestLimits.logitBiases else {
            throw .tooMany(field: "logit_bias", limit: RequestLimits.logitBiases, count: members.count)
        }
        var biases: [LogitBias] = []
        for (key, value) in members {
            guard let id = Int32(key), id >= 0, "\(id)" == key else {
                throw .outOfRange(field: "logit_bias", bound: "an object keyed by token ids", value: "the key '\(key)'")
            }
            let bias = try value.number("logit_bias.\(key)", in: -100...100)
            biases.append(LogitBias(token: TokenID(id), bias: bias))
        }
        return biases
    }
}
