import JSON

/// What every object of one answer repeats.
package struct ResponseHead: Sendable, Equatable {
    /// Such as `cmpl-0123456789abcdef`.
    package let id: String
    /// Seconds since 1970.
    package let created: Int
    /// The model as the caller named it: a base or an adapter.
    package let model: String

    package init(id: String, created: Int, model: String) {
        self.id = id
        self.created = created
        self.model = model
    }

    func members(object: String, choices: [JSONValue]) -> JSONObject {
        [
            "id": .string(id),
            "object": .string(object),
            "created": .integer(created),
            "model": .string(model),
            "choices": .array(choices),
        ]
    }
}
