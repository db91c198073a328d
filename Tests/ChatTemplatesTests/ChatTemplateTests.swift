import JSON
import Testing

@testable import ChatTemplates

struct ChatTemplateTests {
    private let hello: [JSONValue] = [["role": "user", "content": "hi"]]

    private func error(_ source: String) -> ChatTemplateError? {
        do throws(ChatTemplateError) {
            _ = try ChatTemplate(source: source).render(
                messages: hello,
                tools: nil,
                addGenerationPrompt: true,
                variables: [:]
            )
            return nil
        } catch {
            return error
        }
    }

    @Test func `the names of a conversation reach the template`() throws {
        let template = try ChatTemplate(
            source: "{{ messages[0].content }}|{{ tools }}|{{ add_generation_prompt }}|{{ bos_token }}|{{ documents }}"
        )
        let text = try template.render(
            messages: hello,
            tools: nil,
            addGenerationPrompt: false,
            variables: ["bos_token": "<s>"]
        )
        #expect(text == "hi|None|False|<s>|None")
        let other = try template.render(
            messages: hello,
            tools: [["type": "function"]],
            addGenerationPrompt: true,
            variables: ["documents": 3]
        )
        #expect(other == "hi|[{'type': 'function'}]|True||3")
    }

    @Test func `what the template raises is its own error, without a line`() {
        #expect(error("{{ raise_exception('Roles ' ~ messages | length) }}") == .raised(message: "Roles 1"))
        #expect(ChatTemplateError.raised(message: "Roles 1").description == "Roles 1")
    }

    @Test func `errors name the line`() {
        let attribute = "'dict object' has no attribute 'nope'"
        #expect(error("a\n\n{{ messages[0].nope.x }}") == .undefined(message: attribute, line: 3))
        #expect(error("a\n{{ messages.append(1) }}")?.code == "forbidden")
        #expect(error("\n{{ 'a' + 1 }}")?.description.contains("line 2") == true)
        #expect(error("\n\n{% if %}") == .syntax(message: "Expected an expression, got '%}'", line: 3))
    }

    @Test func `what we do not have is refused by name when read`() {
        #expect(error("\n{{ 'a' | striptags }}") == .unsupported(feature: "the filter 'striptags'", line: 2))
        #expect(error("{% include 'x' %}") == .unsupported(feature: "the tag 'include'", line: 1))
        #expect(error("{{ 'a' | nope }}")?.code == "syntax")
    }

    @Test func `one template renders on many tasks at once`() async throws {
        let template = try ChatTemplate(source: "{% for m in messages %}{{ m.content }}{{ loop.index }}{% endfor %}")
        try await withThrowingTaskGroup(of: String.self) { group in
            for index in 0..<32 {
                group.addTask {
                    let messages = (0...index).map { JSONValue.object(["content": .integer($0)]) }
                    return try template.render(
                        messages: messages,
                        tools: nil,
                        addGenerationPrompt: false,
                        variables: [:]
                    )
                }
            }
            for try await text in group { #expect(text.hasPrefix("01")) }
        }
    }

    @Test func `the clock is the system's unless one is given`() throws {
        let template = try ChatTemplate(source: "{{ strftime_now('%Y') }}")
        let text = try template.render(messages: [], tools: nil, addGenerationPrompt: false, variables: [:])
        #expect(Int(text).map { $0 >= 2024 } == true)
    }

    @Test func `a long conversation stays within the standard limits`() throws {
        let golden = try GoldenFile.named("models.json")
        let content = JSONValue.string(String(repeating: "word <b> é\n", count: 1000))
        let messages = (0..<31).map { index -> JSONValue in
            ["role": .string(index % 2 == 0 ? "user" : "assistant"), "content": content]
        }
        for source in Set(golden.cases.map(\.template)) where !source.contains("tool in tools -%}\ntype") {
            let text = try ChatTemplate(source: source).render(
                messages: messages,
                tools: nil,
                addGenerationPrompt: true,
                variables: ["bos_token": "<s>", "eos_token": "</s>"]
            )
            #expect(text.utf8.count > 300_000)
        }
    }
}
