import Core
import JSON
import OpenAI
import Testing

/// A completion request with extra members appended to a valid body.
private func completion(_ extra: String = "") throws(OpenAIError) -> CompletionRequest {
    let comma = extra.isEmpty ? "" : ","
    return try CompletionRequest(parsing: [UInt8](#"{"model":"m","prompt":"p"\#(comma)\#(extra)}"#.utf8))
}

private func refusal(_ extra: String) -> OpenAIError? {
    do throws(OpenAIError) {
        _ = try completion(extra)
        return nil
    } catch {
        return error
    }
}

private func refusal(body: String) -> OpenAIError? {
    do throws(OpenAIError) {
        _ = try CompletionRequest(parsing: [UInt8](body.utf8))
        return nil
    } catch {
        return error
    }
}

struct CompletionRequestTests {
    @Test func `a minimal request takes every default`() throws {
        let request = try completion()
        #expect(request.model == "m")
        #expect(request.prompts == [.text("p")])
        #expect(!request.echo)
        #expect(request.addsSpecialTokens)
        #expect(request.options == GenerationOptions())
    }

    @Test func `every shared field is read`() throws {
        let options = try completion(
            #""temperature":0.5,"top_p":0.9,"top_k":40,"min_p":0.1,"repetition_penalty":1.5,"presence_penalty":-2,"#
                + #""frequency_penalty":2,"logit_bias":{"7":-100,"9":1.5},"seed":-1,"max_tokens":5,"min_tokens":2,"#
                + #""stop":["a","b"],"include_stop_str_in_output":true,"stop_token_ids":[3],"ignore_eos":true,"#
                + #""skip_special_tokens":false,"n":2,"best_of":2,"stream":true,"stream_options":{"include_usage":true},"#
                + #""user":"u","logprobs":20"#
        ).options
        var expected = GenerationOptions()
        expected.sampling.temperature = 0.5
        expected.sampling.topP = 0.9
        expected.sampling.topK = 40
        expected.sampling.minP = 0.1
        expected.sampling.repetitionPenalty = 1.5
        expected.sampling.presencePenalty = -2
        expected.sampling.frequencyPenalty = 2
        expected.sampling.logitBias = [
            LogitBias(token: TokenID(7), bias: -100), LogitBias(token: TokenID(9), bias: 1.5),
        ]
        expected.sampling.topLogprobs = 20
        expected.seed = UInt64.max
        expected.maxTokens = 5
        expected.minTokens = 2
        expected.stops = ["a", "b"]
        expected.includesStop = true
        expected.stopTokenIDs = [TokenID(3)]
        expected.ignoresEndOfSequence = true
        expected.skipsSpecialTokens = false
        expected.choiceCount = 2
        expected.isStreaming = true
        expected.streamsUsage = true
        #expect(options == expected)
    }

    @Test(arguments: [
        (#""x""#, [CompletionRequest.Prompt.text("x")]),
        (#"["x","y"]"#, [.text("x"), .text("y")]),
        ("[1,2]", [.tokens([TokenID(1), TokenID(2)])]),
        ("[[1],[2,3]]", [.tokens([TokenID(1)]), .tokens([TokenID(2), TokenID(3)])]),
    ])
    func `a prompt has four forms`(json: String, prompts: [CompletionRequest.Prompt]) throws {
        let body = #"{"model":"m","prompt":\#(json)}"#
        #expect(try CompletionRequest(parsing: [UInt8](body.utf8)).prompts == prompts)
    }

    @Test(arguments: [
        ("[]", "prompt"), ("{}", "prompt"), ("3", "prompt"), ("[[]]", "prompt[0]"), ("[null]", "prompt"),
        (#"[1,"a"]"#, "prompt"), (#"["a",1]"#, "prompt"), ("[-1]", "prompt"), ("[2147483648]", "prompt"),
        ("[1.5]", "prompt"), ("null", "prompt"), ("[[1],[-2]]", "prompt[1]"),
    ])
    func `a malformed prompt is refused by name`(json: String, field: String) {
        #expect(refusal(body: #"{"model":"m","prompt":\#(json)}"#)?.parameter == field)
    }

    @Test func `null means absent`() throws {
        let names = [
            "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty",
            "logit_bias", "seed", "max_tokens", "min_tokens", "stop", "stop_token_ids", "ignore_eos", "n", "best_of",
            "stream", "stream_options", "user", "logprobs", "echo", "suffix", "response_format",
        ]
        let request = try completion(names.map { "\"\($0)\":null" }.joined(separator: ","))
        #expect(request.options == GenerationOptions())
    }

    @Test(arguments: ["0", "-1", "null"])
    func `no bound on how many tokens are kept may be said in three ways`(value: String) throws {
        #expect(try completion(#""top_k":\#(value)"#).options.sampling.topK == nil)
    }

    @Test(arguments: [
        ("temperature", "2.1"), ("temperature", "-0.1"), ("temperature", "1e300"), ("top_p", "0"), ("top_p", "1.01"),
        ("top_p", "1e-300"), ("top_k", "-2"), ("min_p", "-0.1"), ("min_p", "1.1"),
        ("repetition_penalty", "0"), ("repetition_penalty", "2.1"), ("presence_penalty", "2.1"),
        ("frequency_penalty", "-2.1"), ("seed", "1e30"), ("max_tokens", "0"), ("max_tokens", "-1"),
        ("max_tokens", "1e30"), ("min_tokens", "-1"), ("n", "0"), ("n", "17"), ("logprobs", "21"), ("logprobs", "-1"),
        ("stop", #""""#), ("logit_bias", #"{"x":1}"#), ("logit_bias", #"{"-1":1}"#), ("logit_bias", #"{"+1":1}"#),
        ("max_completion_tokens", "0"),
    ])
    func `a number out of its range is refused with its bound`(field: String, value: String) {
        guard case .outOfRange(field, let bound, _)? = refusal("\"\(field)\":\(value)") else {
            Issue.record("\(field) \(value): \(String(describing: refusal("\"\(field)\":\(value)")))")
            return
        }
        #expect(!bound.isEmpty)
    }

    @Test(arguments: [
        ("temperature", #""1""#), ("temperature", "true"), ("temperature", "[]"), ("top_k", "1.5"), ("n", #""2""#),
        ("max_tokens", "2.5"), ("seed", "0.5"), ("stop", "3"), ("stop", "[3]"), ("stop", "{}"), ("stream", "1"),
        ("stream", #""true""#), ("logit_bias", "[]"), ("stop_token_ids", "3"), ("user", "3"), ("logprobs", "true"),
        ("echo", "1"), ("stream_options", "true"), ("response_format", #""text""#), ("ignore_eos", "0"),
    ])
    func `a value of the wrong type is refused with both types`(field: String, value: String) {
        guard case .wrongType(field, _, _)? = refusal("\"\(field)\":\(value)") else {
            Issue.record("\(field) \(value): \(String(describing: refusal("\"\(field)\":\(value)")))")
            return
        }
    }

    @Test func `refusals name field, bound and value`() {
        #expect("\(refusal(#""temperature":3"#)!)" == "Invalid 'temperature': must be between 0.0 and 2.0, got 3.0.")
        #expect(
            "\(refusal(#""top_p":0"#)!)" == "Invalid 'top_p': must be greater than 0.0 and at most 1.0, got 0.0."
        )
        #expect("\(refusal(#""max_tokens":0"#)!)" == "Invalid 'max_tokens': must be at least 1, got 0.")
        #expect("\(refusal(#""n":"2""#)!)" == "Invalid type for 'n': expected an integer, got a string.")
    }

    @Test(arguments: ["", "{", "[1", "{\"model\":NaN}", "\u{0}", "{\"a\":1,\"a\":2}", "{} x"])
    func `what is not JSON is refused as such`(body: String) {
        #expect(refusal(body: body)?.code == "invalid_json")
    }

    @Test func `invalid UTF-8 is refused`() {
        #expect(throws: OpenAIError.self) {
            try CompletionRequest(parsing: [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D])
        }
    }

    @Test(arguments: ["[]", "3", "null", "\"x\""])
    func `a body that is no object is refused`(body: String) {
        #expect(refusal(body: body)?.code == "invalid_type")
        #expect(refusal(body: body)?.parameter == nil)
    }

    @Test func `model and prompt are required`() {
        #expect(refusal(body: #"{"prompt":"p"}"#) == .missing(field: "model"))
        #expect(refusal(body: #"{"model":"","prompt":"p"}"#) == .missing(field: "model"))
        #expect(refusal(body: #"{"model":"m"}"#) == .missing(field: "prompt"))
    }

    @Test(arguments: [
        (#""suffix":"x""#, "suffix"), (#""best_of":3"#, "best_of"), (#""use_beam_search":true"#, "use_beam_search"),
        (#""response_format":{"type":"json_object"}"#, "response_format"), (#""guided_regex":"a*""#, "guided_regex"),
        (#""prompt_logprobs":1"#, "prompt_logprobs"),
    ])
    func `what would change the answer but is not implemented is refused`(extra: String, field: String) {
        guard case .unsupported(field, _)? = refusal(extra) else {
            Issue.record("\(extra): \(String(describing: refusal(extra)))")
            return
        }
    }

    @Test(arguments: [
        #""suffix":"""#, #""use_beam_search":false"#, #""response_format":{"type":"text"}"#, #""store":true"#,
        #""metadata":{"a":"b"}"#, #""service_tier":"auto""#, #""bad_words":[]"#,
    ])
    func `harmless extras are ignored`(extra: String) throws {
        #expect(try completion(extra).options == GenerationOptions())
    }

    @Test(arguments: [
        (#""stream_options":{"include_usage":true}"#, "stream_options"), (#""echo":true,"logprobs":1"#, "echo"),
        (#""min_tokens":3,"max_tokens":2"#, "min_tokens"),
    ])
    func `contradictions are refused`(extra: String, field: String) {
        #expect(refusal(extra)?.code == "conflicting_parameters")
        #expect(refusal(extra)?.parameter == field)
    }

    @Test func `lists have limits`() throws {
        let stops = (1...17).map { "\"\($0)\"" }
        #expect(refusal("\"stop\":[\(stops.joined(separator: ","))]") == .tooMany(field: "stop", limit: 16, count: 17))
        #expect(try completion("\"stop\":[\(stops.dropLast().joined(separator: ","))]").options.stops.count == 16)
        let biases = (0...1024).map { "\"\($0)\":1" }.joined(separator: ",")
        #expect(refusal("\"logit_bias\":{\(biases)}") == .tooMany(field: "logit_bias", limit: 1024, count: 1025))
        let prompts = Array(repeating: "\"x\"", count: 65).joined(separator: ",")
        #expect(
            refusal(body: #"{"model":"m","prompt":[\#(prompts)],"n":2}"#)
                == .tooMany(field: "prompt", limit: 64, count: 65)
        )
    }

    @Test func `max_completion_tokens wins over max_tokens`() throws {
        #expect(try completion(#""max_tokens":5,"max_completion_tokens":7"#).options.maxTokens == 7)
    }

    @Test func `the full range of seeds is distinct`() throws {
        #expect(try completion(#""seed":9223372036854775807"#).options.seed == UInt64(Int64.max))
        #expect(try completion(#""seed":-9223372036854775808"#).options.seed == UInt64(1) << 63)
    }
}
