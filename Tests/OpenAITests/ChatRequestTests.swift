import Core
import JSON
import OpenAI
import Testing

private func chat(messages: String = #"[{"role":"user","content":"hi"}]"#, _ extra: String = "")
    throws(OpenAIError) -> ChatRequest
{
    let comma = extra.isEmpty ? "" : ","
    return try ChatRequest(parsing: [UInt8](#"{"model":"m","messages":\#(messages)\#(comma)\#(extra)}"#.utf8))
}

private func refusal(messages: String = #"[{"role":"user","content":"hi"}]"#, _ extra: String = "") -> OpenAIError? {
    do throws(OpenAIError) {
        _ = try chat(messages: messages, extra)
        return nil
    } catch {
        return error
    }
}

struct ChatRequestTests {
    @Test func `a minimal request takes every default`() throws {
        let request = try chat()
        #expect(request.messages == [["role": "user", "content": "hi"]])
        #expect(request.tools == nil)
        #expect(request.addsGenerationPrompt)
        #expect(!request.addsSpecialTokens)
        #expect(request.templateVariables.isEmpty)
        #expect(request.options == GenerationOptions())
    }

    @Test func `text parts become one string`() throws {
        let parts = #"[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]"#
        #expect(try chat(messages: parts).messages == [["role": "user", "content": "a\nb"]])
    }

    @Test func `a developer speaks as the system`() throws {
        let request = try chat(messages: #"[{"role":"developer","content":"be brief"},{"role":"user","content":""}]"#)
        #expect(request.messages[0] == ["role": "system", "content": "be brief"])
    }

    @Test func `tool calls reach the template with parsed arguments`() throws {
        let call = #"{"id":"1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}"#
        let messages =
            #"[{"role":"assistant","content":null,"tool_calls":[\#(call)]},"#
            + #"{"role":"tool","tool_call_id":"1","content":"42"}]"#
        let request = try chat(messages: messages)
        let expected: JSONValue = [
            "role": "assistant", "content": "",
            "tool_calls": [
                ["id": "1", "type": "function", "function": ["name": "f", "arguments": ["x": 1]]]
            ],
        ]
        #expect(request.messages[0] == expected)
        #expect(request.messages[1] == ["role": "tool", "tool_call_id": "1", "content": "42"])
    }

    @Test func `an answer sent back whole says only what it said`() throws {
        let call = #"{"id":"1","type":"function","function":{"name":"f","arguments":""}}"#
        let messages =
            #"[{"role":"assistant","content":"a","refusal":null,"audio":null,"tool_calls":null},"#
            + #"{"role":"assistant","content":"b","tool_calls":[]},"#
            + #"{"role":"assistant","content":null,"tool_calls":[\#(call)]}]"#
        let request = try chat(messages: messages)
        #expect(request.messages[0] == ["role": "assistant", "content": "a"])
        #expect(request.messages[1] == ["role": "assistant", "content": "b"])
        let function: JSONValue = ["name": "f", "arguments": [:]]
        let expected: JSONValue = [["id": "1", "type": "function", "function": function]]
        #expect(request.messages[2] == ["role": "assistant", "content": "", "tool_calls": expected])
    }

    @Test func `arguments that are no JSON object stay text`() throws {
        let call = #"{"function":{"name":"f","arguments":"not json"}}"#
        let request = try chat(messages: #"[{"role":"assistant","tool_calls":[\#(call)]}]"#)
        #expect(request.messages[0]["tool_calls"]?.array?[0]["function"]?["arguments"] == "not json")
    }

    @Test(arguments: [
        ("[]", "messages"), ("{}", "messages"), ("[3]", "messages[0]"), (#"[{"content":"x"}]"#, "messages[0].role"),
        (#"[{"role":"god","content":"x"}]"#, "messages[0].role"), (#"[{"role":"user"}]"#, "messages[0].content"),
        (#"[{"role":"user","content":null}]"#, "messages[0].content"),
        (#"[{"role":"user","content":3}]"#, "messages[0].content"),
        (#"[{"role":"user","content":[3]}]"#, "messages[0].content[0]"),
        (#"[{"role":"user","content":[{"type":"image_url"}]}]"#, "messages[0].content[0].type"),
        (#"[{"role":"user","content":[{"type":"text"}]}]"#, "messages[0].content[0].text"),
        (#"[{"role":"assistant","tool_calls":[{}]}]"#, "messages[0].tool_calls[0].function"),
        (#"[{"role":"assistant","tool_calls":[{"function":{}}]}]"#, "messages[0].tool_calls[0].function.name"),
        (#"[{"role":"assistant","tool_calls":3}]"#, "messages[0].tool_calls"),
    ])
    func `a malformed message is refused by path`(messages: String, path: String) {
        #expect(refusal(messages: messages)?.parameter == path)
    }

    @Test func `tools are offered unless the choice is none`() throws {
        let tools = #""tools":[{"type":"function","function":{"name":"f"}}]"#
        #expect(try chat(tools).tools?.count == 1)
        #expect(try chat(tools + #","tool_choice":"auto""#).tools?.count == 1)
        #expect(try chat(tools + #","tool_choice":"none""#).tools == nil)
        #expect(refusal(tools + #","tool_choice":"required""#)?.parameter == "tool_choice")
        #expect(refusal(tools + #","tool_choice":{"type":"function"}"#)?.parameter == "tool_choice")
        #expect(refusal(#""tools":[{}]"#) == .missing(field: "tools[0].function"))
    }

    @Test func `alternatives need logprobs`() throws {
        #expect(try chat(#""logprobs":true"#).options.sampling.topLogprobs == 0)
        #expect(try chat(#""logprobs":true,"top_logprobs":20"#).options.sampling.topLogprobs == 20)
        #expect(try chat(#""logprobs":false"#).options.sampling.topLogprobs == nil)
        #expect(refusal(#""top_logprobs":2"#)?.code == "conflicting_parameters")
        #expect(refusal(#""logprobs":true,"top_logprobs":21"#)?.code == "value_out_of_range")
        #expect(refusal(#""logprobs":1"#)?.code == "invalid_type")
    }

    @Test func `template variables cannot replace the request's own`() throws {
        #expect(try chat(#""chat_template_kwargs":{"enable_thinking":false}"#).templateVariables.count == 1)
        #expect(refusal(#""chat_template_kwargs":{"messages":[]}"#)?.parameter == "chat_template_kwargs")
        #expect(refusal(#""chat_template_kwargs":3"#)?.code == "invalid_type")
    }

    @Test(arguments: ["functions", "function_call", "audio", "chat_template", "documents"])
    func `older and richer forms are refused`(field: String) {
        #expect(refusal(#""\#(field)":"x""#)?.parameter == field)
    }

    @Test func `what says not this is taken`() throws {
        for field in [#""function_call":"none""#, #""documents":[]"#, #""functions":null"#, #""suffix":"""#] {
            #expect(throws: Never.self) { try chat(field) }
        }
        #expect(refusal(#""echo":true"#)?.parameter == "echo")
        #expect(throws: Never.self) { try chat(#""echo":false"#) }
    }

    @Test func `only text can be asked for`() throws {
        #expect(throws: Never.self) { try chat(#""modalities":["text"]"#) }
        #expect(refusal(#""modalities":["text","audio"]"#)?.parameter == "modalities")
    }
}
