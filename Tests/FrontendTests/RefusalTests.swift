import Core
import Engine
import Frontend
import FrontendFakes
import OpenAI
import Testing

private func refusal(
    _ body: String,
    source: ScriptedSource = ScriptedSource(.text("a")),
    contextLength: Int = 100
) async throws -> FrontendError? {
    let frontend = try TestModel.frontend(source, contextLength: contextLength)
    let request = try CompletionRequest(parsing: [UInt8](body.utf8))
    do throws(FrontendError) {
        _ = try await frontend.complete(request).whole()
        return nil
    } catch {
        return error
    }
}

struct RefusalTests {
    @Test func `an unknown model is never the base`() async throws {
        let source = ScriptedSource(.text("a"))
        #expect(try await refusal(#"{"model":"nobody","prompt":"x"}"#, source: source) == .modelNotFound("nobody"))
        #expect(try await refusal(#"{"model":"Base","prompt":"x"}"#, source: source) == .modelNotFound("Base"))
        #expect(source.requests.isEmpty)
    }

    @Test func `each name of the base is the base`() async throws {
        #expect(try await refusal(#"{"model":"base-alias","prompt":"x"}"#) == nil)
    }

    @Test func `prompt and answer must fit the context`() async throws {
        #expect(
            try await refusal(#"{"model":"base","prompt":"12345","max_tokens":6}"#, contextLength: 10)
                == .contextExceeded(promptTokens: 5, maxTokens: 6, limit: 10)
        )
        #expect(try await refusal(#"{"model":"base","prompt":"12345","max_tokens":5}"#, contextLength: 10) == nil)
        #expect(
            try await refusal(#"{"model":"base","prompt":"1234567890"}"#, contextLength: 10)
                == .contextExceeded(promptTokens: 10, maxTokens: 1, limit: 10)
        )
        let huge = try await refusal(#"{"model":"base","prompt":"1","max_tokens":9223372036854775807}"#)
        #expect(huge == .contextExceeded(promptTokens: 1, maxTokens: .max, limit: 100))
        #expect("\(try #require(huge))".contains("9223372036854775807"))
    }

    @Test func `a default answer shrinks to the context's rest`() async throws {
        let source = ScriptedSource(.text("abcdefghijkl"))
        #expect(try await refusal(#"{"model":"base","prompt":"1234567"}"#, source: source, contextLength: 10) == nil)
        #expect(source.requests[0].stop.maxTokens == 3)
    }

    @Test(arguments: [
        (#""prompt":[258]"#, "prompt"), (#""prompt":[1,2147483647]"#, "prompt"),
        (#""prompt":"x","stop_token_ids":[258]"#, "stop_token_ids"),
        (#""prompt":"x","logit_bias":{"258":1}"#, "logit_bias"), (#""prompt":"x","min_tokens":17"#, "min_tokens"),
        (#""prompt":[300],"echo":true"#, "prompt"),
    ])
    func `what only the model's sizes show is refused by name`(members: String, field: String) async throws {
        guard case .invalid(let error)? = try await refusal(#"{"model":"base",\#(members)}"#) else {
            Issue.record("not refused: \(members)")
            return
        }
        #expect(error.parameter == field)
    }

    @Test func `the engine's refusal is passed on, and no choice is left behind`() async throws {
        let source = ScriptedSource(.endless, .refusal(.queueFull(limit: 1)))
        let error = try await refusal(#"{"model":"base","prompt":"x","n":2}"#, source: source)
        #expect(error == .engine(.queueFull(limit: 1)))
        #expect(source.cancelled.contains(source.requests[0].id))
    }

    @Test func `a failure in the middle fails the whole answer`() async throws {
        let token = GenerationEvent.token(GeneratedToken(index: 0, id: TestModel.token(65)))
        let source = ScriptedSource(.events([token, .failed(.backend("lost"))]), .endless)
        let error = try await refusal(#"{"model":"base","prompt":"x","n":2,"max_tokens":50}"#, source: source)
        #expect(error == .engine(.backend("lost")))
        #expect(source.cancelled.contains(source.requests[1].id))
    }

    @Test func `an engine that cancels by itself is no end of an answer`() async throws {
        let source = ScriptedSource(.events([.finished(.cancelled)]))
        #expect(try await refusal(#"{"model":"base","prompt":"x"}"#, source: source) == .cancelled)
    }
}
