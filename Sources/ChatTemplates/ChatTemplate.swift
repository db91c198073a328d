package import JSON

/// A chat template as models carry it: Jinja source that turns messages into the text of a prompt.
///
/// Renders byte for byte what Python's jinja2 does in the environment `transformers` sets up: sandboxed and immutable,
/// `trim_blocks` and `lstrip_blocks` on, loop controls, `generation` blocks, `tojson` without HTML escapes,
/// `raise_exception` and `strftime_now`. Parsed once, rendered many times, from any thread.
///
/// Not supported, and refused by name when the source is read: template inheritance and inclusion, `autoescape`, and
/// the filters `pprint`, `random`, `striptags`, `urlize` and `wordwrap`. Integers have 64 bits.
package struct ChatTemplate: Sendable {
    private let body: [Statement]

    /// - Throws: `syntax`, `unsupported` or `depthExceeded`, with the line of the source.
    package init(source: String) throws(ChatTemplateError) {
        body = try Parser.parse(source)
    }

    /// Renders the prompt of a conversation.
    ///
    /// - Parameters:
    ///   - messages: objects with `role`, `content` and whatever else the template reads, visible as `messages`.
    ///   - tools: function definitions, visible as `tools`; nil is `none` there.
    ///   - addGenerationPrompt: whether the text ends where the assistant's answer begins.
    ///   - variables: further names, such as `bos_token` or what a caller passes as template arguments; they win over
    ///     the three above.
    ///   - limits: bounds on the work and its result.
    ///   - clock: local time for `strftime_now`; nil reads the system's.
    /// - Throws: `raised` when the template refuses the messages, otherwise what went wrong and on which line.
    package func render(
        messages: [JSONValue],
        tools: [JSONValue]?,
        addGenerationPrompt: Bool,
        variables: JSONObject,
        limits: RenderLimits = RenderLimits(),
        clock: CalendarTime? = nil
    ) throws(ChatTemplateError) -> String {
        var context: JSONObject = [
            "messages": .array(messages), "tools": tools.map { .array($0) } ?? .null, "documents": .null,
            "add_generation_prompt": .bool(addGenerationPrompt),
        ]
        for (name, value) in variables { context[name] = value }
        return try render(context: context, limits: limits, clock: clock)
    }

    /// Renders with exactly the names of `context`, besides the built-in functions.
    func render(context: JSONObject, limits: RenderLimits = RenderLimits(), clock: CalendarTime? = nil)
        throws(ChatTemplateError) -> String
    {
        let renderer = Renderer(limits: limits, clock: clock)
        do throws(Fault) {
            for (name, value) in context { renderer.scope.names[name] = try Value(json: value) }
            _ = try renderer.execute(body)
            return renderer.output.text.string
        } catch {
            throw error.located(at: renderer.line)
        }
    }
}
