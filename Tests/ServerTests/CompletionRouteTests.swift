import Engine
import Frontend
import FrontendFakes
import HTTPTypes
import JSON
import Testing

@testable import Server

private let completions = "/v1/completions"
private let chat = "/v1/chat/completions"

struct CompletionRouteTests {
    @Test func `a completion is answered whole`() async throws {
        let answer = try await TestServer().send(.post, completions, body: #"{"model":"base","prompt":"x"}"#)
        #expect(answer.status == 200)
        #expect(answer.headers[.contentType] == "application/json")
        #expect(answer.json?["choices"]?.array?.first?["text"] == "hello")
        #expect(answer.json?["choices"]?.array?.first?["finish_reason"] == "length")
        #expect(answer.json?["usage"]?["total_tokens"] == 6)
        #expect(answer.json?["id"]?.string?.hasPrefix("cmpl-") == true)
        #expect(answer.headers[.adapterDigest] == nil)
    }

    @Test func `a conversation is answered whole`() async throws {
        let body = #"{"model":"base","messages":[{"role":"user","content":"x"}]}"#
        let answer = try await TestServer().send(.post, chat, body: body)
        #expect(answer.json?["object"] == "chat.completion")
        #expect(answer.json?["choices"]?.array?.first?["message"]?["content"] == "hello")
    }

    @Test func `a completion is streamed piece by piece`() async throws {
        let body = #"{"model":"base","prompt":"x","stream":true,"stream_options":{"include_usage":true}}"#
        let answer = try await TestServer(ScriptedSource(.text("aé"))).send(.post, completions, body: body)
        #expect(answer.status == 200)
        #expect(answer.headers[.contentType] == "text/event-stream; charset=utf-8")
        let head = try #require(answer.events.first.flatMap { try? JSONValue(parsing: $0) })
        let id = try #require(head["id"]?.string)
        let created = try #require(head["created"]?.int)
        let start = #"{"id":"\#(id)","object":"text_completion","created":\#(created),"model":"base","choices":"#
        func chunk(_ text: String, _ reason: String) -> String {
            start + #"[{"index":0,"text":"\#(text)","logprobs":null,"finish_reason":\#(reason),"stop_reason":null}],"#
                + #""usage":null}"#
        }
        #expect(
            answer.events == [
                chunk("a", "null"), chunk("é", "null"), chunk("", "\"length\""),
                start + #"[],"usage":{"prompt_tokens":1,"completion_tokens":3,"total_tokens":4}}"#, "[DONE]",
            ]
        )
        #expect(answer.text.hasSuffix("data: [DONE]\n\n"))
    }

    @Test func `a conversation's stream says who speaks first and why it ends last`() async throws {
        let body = #"{"model":"base","messages":[{"role":"user","content":"x"}],"stream":true,"n":2}"#
        let source = ScriptedSource(.text("a"), .text("b"))
        let answer = try await TestServer(source).send(.post, chat, body: body)
        #expect(answer.events.last == "[DONE]")
        let chunks = answer.events.dropLast().compactMap { try? JSONValue(parsing: $0) }
        #expect(chunks.count == answer.events.count - 1)
        for index in 0..<2 {
            let own = chunks.compactMap { $0["choices"]?.array?.first }.filter { $0["index"] == .integer(index) }
            #expect(own.first?["delta"] == ["role": "assistant", "content": ""])
            #expect(own.dropFirst().first?["delta"] == ["content": .string(index == 0 ? "a" : "b")])
            #expect(own.last?["delta"] == [:])
            #expect(own.last?["finish_reason"] == "length")
            #expect(own.filter { $0["finish_reason"] != nil && $0["finish_reason"] != .null }.count == 1)
        }
    }

    @Test func `a stream that fails says why and does not claim to be done`() async throws {
        let token = GenerationEvent.token(GeneratedToken(index: 0, id: TestModel.token(65)))
        let source = ScriptedSource(.events([token, .failed(.backend("lost"))]))
        let body = #"{"model":"base","prompt":"x","stream":true}"#
        let server = try TestServer(source)
        let answer = try await server.send(.post, completions, body: body)
        #expect(answer.events.count == 2)
        let error = try JSONValue(parsing: answer.events[1])["error"]
        #expect(error?["code"] == "engine_failed")
        #expect(!answer.text.contains("[DONE]"))
        let metrics = try await server.send(.get, "/metrics").text
        #expect(metrics.contains(#"punica_request_errors_total{code="engine_failed"} 1"#))
    }

    @Test(arguments: [
        (EngineError.queueFull(limit: 4), 429, "queue_full"), (.draining, 503, "draining"), (.stopped, 503, "stopped"),
        (.backend("x"), 500, "engine_failed"), (.promptTooLong(tokens: 9, limit: 8), 400, "context_length_exceeded"),
        (.emptyPrompt, 400, "empty_prompt"),
    ])
    func `an engine's refusal has its status`(error: EngineError, status: Int, code: String) async throws {
        for stream in [true, false] {
            let body = #"{"model":"base","prompt":"x","stream":\#(stream)}"#
            let answer = try await TestServer(ScriptedSource(.refusal(error))).send(.post, completions, body: body)
            #expect(answer.status == status)
            #expect(answer.errorCode == code)
            #expect((answer.headers[.retryAfter] != nil) == [429, 503].contains(status))
        }
    }

    @Test(arguments: [
        (#"{"model":"base","prompt":"x","temperature":3}"#, "value_out_of_range", "temperature"),
        (#"{"model":"base","prompt":"x","n":"1"}"#, "invalid_type", "n"),
        (#"{"model":"base"}"#, "missing_required_parameter", "prompt"),
        (#"{"model":"base","prompt":"x","suffix":"y"}"#, "unsupported_parameter", "suffix"),
        (#"{"model":"base","prompt":[999]}"#, "value_out_of_range", "prompt"),
        (#"{"model":"base","prompt":"x","max_tokens":1000}"#, "context_length_exceeded", nil),
        ("{", "invalid_json", nil), ("", "invalid_json", nil),
    ])
    func `a bad request names its field`(body: String, code: String, field: String?) async throws {
        let answer = try await TestServer().send(.post, completions, body: body)
        #expect(answer.status == 400)
        #expect(answer.errorCode == code)
        #expect(answer.json?["error"]?["param"]?.string == field)
        #expect(answer.json?["error"]?["type"] == "invalid_request_error")
        #expect(answer.json?["error"]?["message"]?.string?.isEmpty == false)
    }

    @Test func `an unknown model is not found`() async throws {
        let answer = try await TestServer().send(.post, completions, body: #"{"model":"nobody","prompt":"x"}"#)
        #expect(answer.status == 404)
        #expect(answer.errorCode == "model_not_found")
        #expect(answer.json?["error"]?["param"] == "model")
    }

    @Test func `a body over the limit is too large`() async throws {
        let server = try TestServer { $0.bodyLimit = 1000 }
        let prompt = String(repeating: "x", count: 2000)
        let answer = try await server.send(.post, completions, body: #"{"model":"base","prompt":"\#(prompt)"}"#)
        #expect(answer.status == 413)
        #expect(answer.headers[.connection] == "close")
        #expect(answer.errorCode == "request_too_large")
    }

    @Test func `a draining server takes no answers but finishes others`() async throws {
        let server = try TestServer()
        #expect(try await server.send(.get, "/ready").status == 200)
        await server.server.drain()
        #expect(try await server.send(.get, "/ready").status == 503)
        #expect(try await server.send(.get, "/health").status == 200)
        #expect(try await server.send(.get, "/v1/models").status == 200)
        let answer = try await server.send(.post, completions, body: #"{"model":"base","prompt":"x"}"#)
        #expect(answer.status == 503)
        #expect(answer.errorCode == "draining")
    }
}
