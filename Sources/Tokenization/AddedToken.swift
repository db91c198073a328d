import JSON

/// A token that is found in the text itself, before the model sees it.
struct AddedToken: Sendable {
    let id: Int
    let content: String
    /// Whether it counts only between characters that are not word characters.
    let isSingleWord: Bool
    /// Whether it takes the white space before it along.
    let stripsLeft: Bool
    /// Whether it takes the white space after it along.
    let stripsRight: Bool
    /// Whether it is looked for in the normalized text, in its normalized form.
    let isNormalized: Bool
    /// Whether decoding can leave it out.
    let isSpecial: Bool

    /// Keys: `id`, `content`, `single_word`, `lstrip`, `rstrip`, `normalized`, `special`; all are required.
    init(_ value: JSONValue, path: String) throws(TokenizationError) {
        let fields = try Fields(value, path: path)
        id = try fields.integer("id", below: Vocabulary.idLimit)
        content = try fields.string("content")
        isSingleWord = try fields.bool("single_word")
        stripsLeft = try fields.bool("lstrip")
        stripsRight = try fields.bool("rstrip")
        isNormalized = try fields.bool("normalized")
        isSpecial = try fields.bool("special")
    }
}
