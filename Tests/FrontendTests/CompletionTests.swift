import Adapters
import Core
import Engine
import Frontend
import FrontendFakes
import OpenAI
import Testing

private func request(_ extra: String = "", model: String = "base") throws -> CompletionRequest {
    let comma = extra.isEmpty ? "" : ","
    return try CompletionRequest(parsing: [UInt8](#"{"model":"\#(model)","prompt":"hi"\#(comma)\#(extra)}"#.utf8))
}

/// The first choice's text and end.
private func answer(_ script: ScriptedSource.Script, _ extra: String = "") async throws -> (String, ChoiceEnd, Usage) {
    let frontend = try TestModel.frontend(ScriptedSource(script))
    let (choices, usage) = try await frontend.complete(request(extra)).whole()
    return (choices[0].text, choices[0].end, usage)
}

struct CompletionTests {
    @Test func `every choice carries the adapter that the request names, and the base none`() async throws {
        let (digest, source) = (AdapterDigest(bytes: Array(repeating: 7, count: 32)), ScriptedSource(.text("a")))
        let store = try AdapterStore(budgetBytes: 100) { _ in
            let summary = AdapterSummary(applied: [])
            return .success(LoadedAdapter(digest: digest, projections: [], byteCount: 10, summary: summary))
        }
        _ = try await store.register(name: "mine", directory: "/tmp")
        let frontend = try TestModel.frontend(source, adapters: store)
        let named = try await frontend.complete(request(#""n":2"#, model: "mine"))
        #expect(named.model == "mine" && named.adapterDigest == digest)
        _ = try await named.whole()
        #expect(try await frontend.complete(request()).adapterDigest == nil)
        #expect(source.requests.map { $0.adapter?.name } == ["mine", "mine", nil])
        #expect(source.requests.map { $0.adapter?.adapter.digest } == [digest, digest, nil])
    }

    @Test func `an answer ends at the default of 16 tokens`() async throws {
        let (text, end, usage) = try await answer(.text("0123456789abcdefXYZ"))
        #expect(text == "0123456789abcdef")
        #expect(end == .length)
        #expect(usage == Usage(promptTokens: 2, completionTokens: 16))
    }

    @Test func `characters are whole though tokens are bytes`() async throws {
        let source = ScriptedSource(.text("aé🚀b"))
        let generation = try await TestModel.frontend(source).complete(request())
        var pieces: [String] = []
        for await case .delta(let delta) in generation.updates { pieces.append(delta.text) }
        #expect(pieces == ["a", "é", "🚀", "b", ""])
    }

    @Test func `a broken tail becomes a replacement character`() async throws {
        let rocket = Array("🚀".utf8.prefix(2)).enumerated().map {
            GenerationEvent.token(GeneratedToken(index: $0, id: TestModel.token($1)))
        }
        let (text, _, usage) = try await answer(.events(rocket + [.finished(.length)]))
        #expect(text == "\u{FFFD}")
        #expect(usage.completionTokens == 2)
    }

    @Test func `a stop string ends the answer and cancels the engine`() async throws {
        let source = ScriptedSource(.text("one two three", then: .finished(.length)))
        let (choices, usage) = try await TestModel.frontend(source)
            .complete(request(#""stop":["t wo"," tw"],"max_tokens":50"#)).whole()
        #expect(choices[0].text == "one")
        #expect(choices[0].end == .stopString(" tw"))
        #expect(usage.completionTokens == 6)
        #expect(source.cancelled == [source.requests[0].id])
    }

    @Test func `a stop string is shown when asked for`() async throws {
        let (text, _, _) = try await answer(.text("one two"), #""stop":" t","include_stop_str_in_output":true"#)
        #expect(text == "one t")
    }

    @Test func `held back text comes out at the end`() async throws {
        let (text, end, _) = try await answer(.text("one t"), #""stop":" two""#)
        #expect(text == "one t")
        #expect(end == .length)
    }

    @Test func `stop strings wait for the minimum`() async throws {
        let (text, _, _) = try await answer(.text("a.b.c.d"), #""stop":".","min_tokens":3"#)
        #expect(text == "a.b")
    }

    @Test func `the end of sequence is counted but not shown`() async throws {
        let events: [GenerationEvent] = [
            .token(GeneratedToken(index: 0, id: TestModel.token(65))),
            .token(GeneratedToken(index: 1, id: TestModel.endOfSequence)), .finished(.stop(TestModel.endOfSequence)),
        ]
        let (text, end, usage) = try await answer(.events(events), #""skip_special_tokens":false"#)
        #expect(text == "A")
        #expect(end == .endOfSequence)
        #expect(usage.completionTokens == 2)
    }

    @Test func `a stop token of the request is told apart`() async throws {
        let (text, end, _) = try await answer(.text("abc"), #""stop_token_ids":[98]"#)
        #expect(text == "a")
        #expect(end == .stopToken(98))
        let (shown, _, _) = try await answer(.text("abc"), #""stop_token_ids":[98],"include_stop_str_in_output":true"#)
        #expect(shown == "ab")
    }

    @Test func `an echoed prompt comes first`() async throws {
        let (text, _, _) = try await answer(.text("!"), #""echo":true"#)
        #expect(text == "hi!")
    }

    @Test func `log probabilities follow their text`() async throws {
        let source = ScriptedSource(.text("aé", then: .finished(.length)))
        let (choices, _) = try await TestModel.frontend(source).complete(request(#""logprobs":1"#)).whole()
        let reports = try #require(choices[0].reports)
        #expect(reports.map(\.chosen.text) == ["a", "bytes:\\xc3", "bytes:\\xa9"])
        #expect(reports.map(\.textOffset) == [0, 1, 1])
        #expect(reports.map(\.chosen.logprob) == [-0.5, -0.5, -0.5])
        #expect(reports.map(\.chosen.bytes) == [[97], [0xC3], [0xA9]])
    }

    @Test func `choices are separate sequences with seeds of their own`() async throws {
        let source = ScriptedSource(.text("a"), .text("b"), .text("c"))
        let (choices, usage) = try await TestModel.frontend(source).complete(request(#""n":3,"seed":5"#)).whole()
        #expect(choices.map(\.text) == ["a", "b", "c"])
        #expect(choices.map(\.index) == [0, 1, 2])
        #expect(usage == Usage(promptTokens: 2, completionTokens: 3))
        #expect(Set(source.requests.map(\.id)).count == 3)
        let seeds = source.requests.map(\.sampling.seed)
        #expect(Set(seeds).count == 3)
        #expect(seeds[0] == 5)
        let again = ScriptedSource(.text("a"))
        _ = try await TestModel.frontend(again).complete(request(#""n":3,"seed":5"#)).whole()
        #expect(again.requests.map(\.sampling.seed) == seeds)
    }

    @Test func `several prompts are numbered through`() async throws {
        let source = ScriptedSource(.text("a"), .text("b"), .text("c"), .text("d"))
        let body = #"{"model":"base","prompt":["x",[1,2]],"n":2}"#
        let parsed = try CompletionRequest(parsing: [UInt8](body.utf8))
        let (choices, usage) = try await TestModel.frontend(source).complete(parsed).whole()
        #expect(choices.map(\.text) == ["a", "b", "c", "d"])
        #expect(source.requests.map { $0.prompt.count } == [1, 1, 2, 2])
        #expect(usage.promptTokens == 3)
    }

    @Test func `the engine gets what was asked`() async throws {
        let source = ScriptedSource(.text("a"))
        _ = try await TestModel.frontend(source)
            .complete(request(#""max_tokens":7,"temperature":0,"min_tokens":2,"ignore_eos":true,"stop_token_ids":[9]"#))
            .whole()
        let sent = source.requests[0]
        #expect(sent.prompt == [TokenID(104), TokenID(105)])
        #expect(sent.stop == StopConditions(maxTokens: 7, tokenIDs: [TokenID(9)], minTokens: 2))
        #expect(sent.sampling.isGreedy)
        #expect(sent.adapter == nil)
    }
}
