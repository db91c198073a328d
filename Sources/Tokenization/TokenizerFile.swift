import JSON

/// A `tokenizer.json`, read part by part.
///
/// The model's `vocab` and `merges` are read from their bytes; everything else, which is small, as `JSONValue`.
struct TokenizerFile {
    private(set) var sections: [String: JSONValue] = [:]
    private(set) var model: [String: JSONValue] = [:]
    private var vocabularyRange: Range<Int>?
    private var mergesRange: Range<Int>?
    private let cursor: JSONCursor

    init(_ bytes: [UInt8]) throws(TokenizationError) {
        guard (try? UTF8Span(validating: bytes.span)) != nil else { throw .invalidEncoding }
        cursor = JSONCursor(bytes)
        var walk = cursor
        guard walk.isAt("{") else { throw .malformed(expected: "an object", offset: 0) }
        try walk.forEachMember { (cursor, key) throws(TokenizationError) in
            try readSection(String(decoding: key, as: UTF8.self), &cursor)
        }
        try walk.expectEnd()
    }

    private mutating func readSection(_ key: String, _ cursor: inout JSONCursor) throws(TokenizationError) {
        guard key == "model", cursor.isAt("{") else {
            sections[key] = try cursor.parse(try cursor.skipValue())
            return
        }
        sections[key] = .object([:])
        try cursor.forEachMember { (cursor, key) throws(TokenizationError) in
            switch String(decoding: key, as: UTF8.self) {
            case "vocab": vocabularyRange = try cursor.skipValue()
            case "merges": mergesRange = try cursor.skipValue()
            case let key: model[key] = try cursor.parse(try cursor.skipValue())
            }
        }
    }

    /// The value of a top-level key; nil where it is missing or null.
    func section(_ key: String) -> JSONValue? {
        guard let value = sections[key], !value.isNull else { return nil }
        return value
    }

    /// Reads `model.vocab`: an object of ids by token.
    func vocabulary() throws(TokenizationError) -> Vocabulary {
        var vocabulary = Vocabulary()
        var cursor = try start(of: vocabularyRange, "model.vocab", "{", "object")
        try cursor.forEachMember { (cursor, token) throws(TokenizationError) in
            guard let id = cursor.readID() else {
                let value = try cursor.parse(try cursor.skipValue())
                let field = "model.vocab[\"\(String(decoding: token, as: UTF8.self))\"]"
                guard let id = value.int else {
                    throw .wrongType(field: field, expected: "integer", actual: value.kind)
                }
                throw .idOutOfRange(field: field, id: id, limit: Vocabulary.idLimit)
            }
            guard id < Vocabulary.idLimit else {
                let field = "model.vocab[\"\(String(decoding: token, as: UTF8.self))\"]"
                throw .idOutOfRange(field: field, id: id, limit: Vocabulary.idLimit)
            }
            try vocabulary.insert(token, id: id)
        }
        return vocabulary
    }

    /// Reads `model.merges`: an array of `"left right"` or `["left", "right"]`, most urgent first.
    func merges(of vocabulary: Vocabulary, continuingPrefix: [UInt8]) throws(TokenizationError) -> MergeTable {
        let list = try start(of: mergesRange, "model.merges", "[", "array")
        var count = 0
        var counting = list
        try counting.forEachElement { (cursor) throws(TokenizationError) in
            _ = try cursor.skipValue()
            count += 1
        }
        var merges = MergeTable(capacity: count)
        var cursor = list
        try cursor.forEachElement { (cursor) throws(TokenizationError) in
            let field = "model.merges[\(merges.count)]"
            let (left, right) = try Self.readPair(&cursor, field)
            let joined = left + right.dropFirst(continuingPrefix.count)
            let ids = try [left[...], right[...], joined].map { (token) throws(TokenizationError) in
                guard let id = vocabulary.id(of: token) else {
                    throw TokenizationError.unknownToken(field: field, token: String(decoding: token, as: UTF8.self))
                }
                return Int32(id)
            }
            merges.append(left: ids[0], right: ids[1], result: ids[2])
        }
        return merges
    }

    private static func readPair(
        _ cursor: inout JSONCursor,
        _ field: String
    ) throws(TokenizationError) -> (ArraySlice<UInt8>, ArraySlice<UInt8>) {
        let start = cursor
        var parts: [ArraySlice<UInt8>] = []
        if cursor.isAtString() {
            parts = try cursor.readString().split(separator: 0x20, omittingEmptySubsequences: false)
        } else if cursor.isAt("[") {
            try cursor.forEachElement { (cursor) throws(TokenizationError) in
                guard cursor.isAtString() else {
                    let value = try cursor.parse(try cursor.skipValue())
                    throw .wrongType(field: field, expected: "pair of strings", actual: "array with \(value.kind)")
                }
                parts.append(try cursor.readString()[...])
            }
        } else {
            let value = try cursor.parse(try cursor.skipValue())
            throw .wrongType(field: field, expected: "string or array", actual: value.kind)
        }
        guard parts.count == 2 else {
            var again = start
            let text = try again.parse(try again.skipValue()).encoded() as String
            throw .invalidValue(field: field, value: text, expected: "two tokens")
        }
        return (parts[0], parts[1])
    }

    private func start(
        of range: Range<Int>?,
        _ field: String,
        _ open: Unicode.Scalar,
        _ kind: String
    ) throws(TokenizationError) -> JSONCursor {
        guard let range else { throw .missing(field: field) }
        var start = cursor.moved(to: range.lowerBound)
        guard start.isAt(open) else {
            let value = try cursor.parse(range)
            throw .wrongType(field: field, expected: kind, actual: value.kind)
        }
        return start
    }
}
