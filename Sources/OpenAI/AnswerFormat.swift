package import JSON

/// How an endpoint writes answers: whole, or in chunks.
package protocol AnswerFormat: Sendable {
    /// The whole answer.
    func json(choices: [Choice], usage: Usage) -> JSONValue
    /// The chunk before a choice's first text; nil if the format has none.
    func json(openingChoice index: Int) -> JSONValue?
    /// One chunk of a stream.
    func json(delta: ChoiceDelta) -> JSONValue
    /// The chunk after the last choice's end, for callers who asked for usage.
    func json(usage: Usage) -> JSONValue
}
