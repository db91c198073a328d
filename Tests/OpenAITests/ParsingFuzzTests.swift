import OpenAI
import TestSupport
import Testing

/// Bodies that are almost right: whatever a client sends ends in a value or a refusal, never in a trap.
struct ParsingFuzzTests {
    private static let values = [
        "null", "true", "0", "-1", "1e308", "-1e308", "1e-320", "9223372036854775807", "9223372036854775808", "0.5",
        "\"\"", "\"x\"", "\"\\ud83d\\ude00\"", "[]", "[0]", "[[0]]", "[null]", "[[]]", "{}", "{\"a\":1}", "{\"\":null}",
        "[{\"role\":\"user\",\"content\":[]}]", "[{\"role\":\"assistant\"}]", "[{\"function\":{\"name\":\"f\"}}]",
    ]
    private static let names = [
        "model", "prompt", "messages", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "logit_bias",
        "seed", "max_tokens", "max_completion_tokens", "min_tokens", "stop", "stop_token_ids", "n", "best_of", "stream",
        "stream_options", "logprobs", "top_logprobs", "tools", "tool_choice", "response_format", "modalities", "user",
        "chat_template_kwargs", "suffix", "tokens", "echo", "add_generation_prompt", "presence_penalty",
    ]

    @Test func `any combination of fields and values is answered`() {
        var random = SplitMix(seed: 7)
        var accepted = 0
        for _ in 0..<20_000 {
            var body = #"{"model":"m","prompt":"p","messages":[{"role":"user","content":"x"}]"#
            let names = (0...random.next(below: 3)).map { _ in Self.names[random.next(below: Self.names.count)] }
            for name in names where !body.contains("\"\(name)\":") || random.next(below: 9) == 0 {
                body += ",\"\(name)\":\(Self.values[random.next(below: Self.values.count)])"
            }
            body += "}"
            accepted += Self.parses(body) ? 1 : 0
        }
        #expect(accepted > 2_000 && accepted < 19_000)
    }

    @Test func `any damaged byte is answered`() {
        var random = SplitMix(seed: 11)
        let body = [UInt8](
            #"{"model":"m","prompt":["a"],"messages":[{"role":"user","content":"é"}],"n":2,"stop":["\n"],"seed":12}"#
                .utf8
        )
        for _ in 0..<20_000 {
            var damaged = body
            for _ in 0...random.next(below: 3) {
                damaged[random.next(below: damaged.count)] = UInt8(random.next(below: 256))
            }
            _ = try? CompletionRequest(parsing: damaged)
            _ = try? ChatRequest(parsing: damaged)
        }
    }

    private static func parses(_ body: String) -> Bool {
        let bytes = [UInt8](body.utf8)
        let isCompletion = (try? CompletionRequest(parsing: bytes)) != nil
        let isChat = (try? ChatRequest(parsing: bytes)) != nil
        return isCompletion || isChat
    }
}
