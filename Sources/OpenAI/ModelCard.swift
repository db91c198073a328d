package import JSON

/// An entry of `/v1/models`: the base or an adapter of it.
package struct ModelCard: Sendable, Equatable {
    package let id: String
    /// Seconds since 1970 at which the server began to serve its base.
    package let created: Int
    /// Where it was loaded from, or the content it is an alias of.
    package let root: String
    /// The base's name for an adapter; nil for the base.
    package let parent: String?
    /// Tokens that prompt and answer together may have.
    package let contextLength: Int

    package init(id: String, created: Int, root: String, parent: String?, contextLength: Int) {
        self.id = id
        self.created = created
        self.root = root
        self.parent = parent
        self.contextLength = contextLength
    }

    package var json: JSONValue {
        [
            "id": .string(id),
            "object": "model",
            "created": .integer(created),
            "owned_by": "punica",
            "root": .string(root),
            "parent": .optional(parent),
            "max_model_len": .integer(contextLength),
        ]
    }

    /// The body of `/v1/models`.
    package static func list(_ cards: [ModelCard]) -> JSONValue {
        ["object": "list", "data": .array(cards.map(\.json))]
    }
}
