import JSON
import OpenAI
import Testing

private let head = ResponseHead(id: "cmpl-1", created: 1_700_000_000, model: "tenant/a")

private let report = TokenReport(
    chosen: .init(text: "é", bytes: [0xC3, 0xA9], logprob: -0.1),
    alternatives: [
        .init(text: "é", bytes: [0xC3, 0xA9], logprob: -0.1), .init(text: "x", bytes: [0x78], logprob: -.infinity),
    ],
    textOffset: 3
)

/// The bytes that clients see; written out, so that a change of any is a change of this file.
struct ResponseTests {
    @Test func `a whole text completion`() {
        let json = CompletionResponse(head: head).json(
            choices: [Choice(index: 0, text: "a\n\"b\"", end: .length)],
            usage: Usage(promptTokens: 3, completionTokens: 4)
        )
        #expect(
            json.encoded()
                == #"{"id":"cmpl-1","object":"text_completion","created":1700000000,"model":"tenant/a","choices":"#
                + #"[{"index":0,"text":"a\n\"b\"","logprobs":null,"finish_reason":"length","stop_reason":null}],"#
                + #""usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#
        )
    }

    @Test func `a text completion's log probabilities`() {
        let json = CompletionResponse(head: head).json(
            choices: [Choice(index: 1, text: "é", end: .stopString("x"), reports: [report])],
            usage: Usage(promptTokens: 1, completionTokens: 1)
        )
        #expect(
            json["choices"]?.array?[0].encoded()
                == #"{"index":1,"text":"é","logprobs":{"tokens":["é"],"token_logprobs":[-0.1],"top_logprobs":"#
                + #"[{"é":-0.1,"x":-9999.0}],"text_offset":[3]},"finish_reason":"stop","stop_reason":"x"}"#
        )
    }

    @Test func `a text completion's stream`() {
        let response = CompletionResponse(head: head, reportsUsage: true)
        let start = #"{"id":"cmpl-1","object":"text_completion","created":1700000000,"model":"tenant/a","choices":["#
        #expect(
            response.json(delta: ChoiceDelta(index: 0, text: "a")).encoded()
                == start
                + #"{"index":0,"text":"a","logprobs":null,"finish_reason":null,"stop_reason":null}],"usage":null}"#
        )
        #expect(
            response.json(usage: Usage(promptTokens: 1, completionTokens: 2)).encoded()
                == start + #"],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#
        )
    }

    @Test func `a whole chat completion`() {
        let json = ChatResponse(head: head).json(
            choices: [Choice(index: 0, text: "hi", end: .stopToken(7), reports: [report])],
            usage: Usage(promptTokens: 3, completionTokens: 1)
        )
        #expect(
            json.encoded()
                == #"{"id":"cmpl-1","object":"chat.completion","created":1700000000,"model":"tenant/a","choices":"#
                + #"[{"index":0,"message":{"role":"assistant","content":"hi","refusal":null},"logprobs":{"content":"#
                + #"[{"token":"é","logprob":-0.1,"bytes":[195,169],"top_logprobs":[{"token":"é","logprob":-0.1,"#
                + #""bytes":[195,169]},{"token":"x","logprob":-9999.0,"bytes":[120]}]}],"refusal":null},"#
                + #""finish_reason":"stop","stop_reason":7}],"#
                + #""usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#
        )
    }

    @Test func `a chat completion's stream`() {
        let response = ChatResponse(head: head)
        let start =
            #"{"id":"cmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"tenant/a","choices":["#
        #expect(
            response.json(openingChoice: 0)?.encoded()
                == start + #"{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"#
                + #""finish_reason":null,"stop_reason":null}]}"#
        )
        #expect(
            response.json(delta: ChoiceDelta(index: 0, text: "a")).encoded()
                == start + #"{"index":0,"delta":{"content":"a"},"logprobs":null,"#
                + #""finish_reason":null,"stop_reason":null}]}"#
        )
        #expect(
            response.json(delta: ChoiceDelta(index: 0, text: "", end: .endOfSequence)).encoded()
                == start + #"{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop","stop_reason":null}]}"#
        )
        #expect(
            response.json(usage: Usage(promptTokens: 1, completionTokens: 2)).encoded()
                == start + #"],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#
        )
    }

    @Test func `events are framed by one line and one empty line`() {
        #expect(String(decoding: ServerSentEvent.data(["a": "x\ny"]), as: UTF8.self) == "data: {\"a\":\"x\\ny\"}\n\n")
        #expect(String(decoding: ServerSentEvent.done, as: UTF8.self) == "data: [DONE]\n\n")
    }

    @Test func `an error is what clients expect`() {
        let body = ErrorBody(message: "no \"x\"", type: "invalid_request_error", parameter: "model", code: "c")
        #expect(
            body.json.encoded()
                == #"{"error":{"message":"no \"x\"","type":"invalid_request_error","param":"model","code":"c"}}"#
        )
        #expect(
            ErrorBody(message: "m", type: "t").json.encoded()
                == #"{"error":{"message":"m","type":"t","param":null,"code":null}}"#
        )
    }

    @Test func `an adapter's card names its parent`() {
        let cards = [
            ModelCard(id: "base", created: 1, root: "/b", parent: nil, contextLength: 8),
            ModelCard(id: "a", created: 2, root: "/a", parent: "base", contextLength: 8),
        ]
        #expect(
            ModelCard.list(cards).encoded()
                == #"{"object":"list","data":[{"id":"base","object":"model","created":1,"owned_by":"punica","root":"/b","#
                + #""parent":null,"max_model_len":8},{"id":"a","object":"model","created":2,"owned_by":"punica","#
                + #""root":"/a","parent":"base","max_model_len":8}]}"#
        )
    }
}
