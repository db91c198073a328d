import JSON

extension JSONValue {
    /// A string, or null for nil.
    static func optional(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }

    /// A log probability in the fewest digits that read back as the same float.
    ///
    /// JSON has no infinity; OpenAI writes -9999.0 for a token that cannot be.
    static func logprob(_ value: Float) -> JSONValue {
        value.isFinite ? .number(Double("\(value)") ?? Double(value)) : .number(-9999)
    }
}
