import Core
import Engine
import Frontend
import FrontendFakes
import OpenAI
import Testing

private func chat(_ extra: String = "") throws -> ChatRequest {
    let comma = extra.isEmpty ? "" : ","
    let body = #"{"model":"base","messages":[{"role":"user","content":"hi"}]\#(comma)\#(extra)}"#
    return try ChatRequest(parsing: [UInt8](body.utf8))
}

struct ChatTests {
    @Test func `a conversation is rendered and may use the rest of the context`() async throws {
        let source = ScriptedSource(.text("hello"))
        let (choices, usage) = try await TestModel.frontend(source).chat(chat()).whole()
        #expect(choices[0].text == "hello")
        let prompt = "<user>hi<assistant>"
        #expect(source.requests[0].prompt == prompt.utf8.map(TestModel.token))
        #expect(source.requests[0].stop.maxTokens == 100 - prompt.utf8.count)
        #expect(usage.promptTokens == prompt.utf8.count)
    }

    @Test func `the generation prompt can be left out`() async throws {
        let source = ScriptedSource(.text("a"))
        _ = try await TestModel.frontend(source).chat(chat(#""add_generation_prompt":false"#)).whole()
        #expect(source.requests[0].prompt == "<user>hi".utf8.map(TestModel.token))
    }

    @Test func `a model without a template refuses conversations`() async throws {
        let frontend = try TestModel.frontend(ScriptedSource(.text("a")), hasTemplate: false)
        await #expect(throws: FrontendError.noChatTemplate(model: "base")) { try await frontend.chat(chat()) }
    }

    @Test func `tokens and text convert both ways`() async throws {
        let frontend = try TestModel.frontend(ScriptedSource(.text("a")))
        let tokens = try await frontend.tokenize(TokenizeRequest(parsing: [UInt8](#"{"prompt":"hé"}"#.utf8)))
        #expect(tokens == [TokenID(104), TokenID(0xC3), TokenID(0xA9)])
        let body = #"{"tokens":[104,195,169,256]}"#
        let text = try await frontend.detokenize(DetokenizeRequest(parsing: [UInt8](body.utf8)))
        #expect(text == "hé<eos>")
        await #expect(throws: FrontendError.self) {
            try await frontend.detokenize(DetokenizeRequest(parsing: [UInt8](#"{"tokens":[258]}"#.utf8)))
        }
    }
}
