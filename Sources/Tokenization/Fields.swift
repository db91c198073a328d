import JSON

/// The members of one object of the file, read with the path that errors name.
struct Fields {
    let path: String
    private let object: JSONObject

    init(_ value: JSONValue, path: String) throws(TokenizationError) {
        guard let object = value.object else {
            throw .wrongType(field: path, expected: "object", actual: value.kind)
        }
        self.object = object
        self.path = path
    }

    /// The value of a key; nil where it is missing or null.
    func optional(_ key: String) -> JSONValue? {
        guard let value = object[key], !value.isNull else { return nil }
        return value
    }

    func value(_ key: String) throws(TokenizationError) -> JSONValue {
        guard let value = optional(key) else { throw .missing(field: field(key)) }
        return value
    }

    func string(_ key: String) throws(TokenizationError) -> String {
        let value = try value(key)
        guard let string = value.string else { throw wrongType(key, "string", value) }
        return string
    }

    func optionalString(_ key: String) throws(TokenizationError) -> String? {
        optional(key) == nil ? nil : try string(key)
    }

    /// A boolean; a missing one has the default, if there is any.
    func bool(_ key: String, default fallback: Bool? = nil) throws(TokenizationError) -> Bool {
        if let fallback, optional(key) == nil { return fallback }
        let value = try value(key)
        guard let bool = value.bool else { throw wrongType(key, "boolean", value) }
        return bool
    }

    /// A whole number in `0..<limit`.
    func integer(_ key: String, below limit: Int) throws(TokenizationError) -> Int {
        let value = try value(key)
        guard let integer = value.int else { throw wrongType(key, "integer", value) }
        guard (0..<limit).contains(integer) else { throw .idOutOfRange(field: field(key), id: integer, limit: limit) }
        return integer
    }

    func array(_ key: String) throws(TokenizationError) -> [JSONValue] {
        let value = try value(key)
        guard let array = value.array else { throw wrongType(key, "array", value) }
        return array
    }

    /// A string of exactly one Unicode scalar.
    func scalar(_ key: String) throws(TokenizationError) -> Unicode.Scalar {
        let string = try string(key)
        guard let scalar = string.unicodeScalars.first, string.unicodeScalars.count == 1 else {
            throw .invalidValue(field: field(key), value: "\"\(string)\"", expected: "one character")
        }
        return scalar
    }

    /// A string that names one case of an enumeration.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String,
        default fallback: Choice? = nil
    ) throws(TokenizationError) -> Choice {
        if let fallback, optional(key) == nil { return fallback }
        let name = try string(key)
        guard let choice = Choice(rawValue: name) else {
            let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalidValue(field: field(key), value: "\"\(name)\"", expected: "one of \(names)")
        }
        return choice
    }

    /// `{"String": …}` or `{"Regex": …}`.
    func pattern(_ key: String) throws(TokenizationError) -> Pattern {
        let fields = try Fields(value(key), path: field(key))
        let literal = try fields.optionalString("String")
        let text = if let literal { literal } else { try fields.string("Regex") }
        do throws(PatternError) {
            return literal == nil ? try Pattern(regex: text) : try Pattern(literal: text)
        } catch {
            throw .pattern(field: field(key), pattern: text, error)
        }
    }

    func field(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    private func wrongType(_ key: String, _ expected: String, _ value: JSONValue) -> TokenizationError {
        .wrongType(field: field(key), expected: expected, actual: value.kind)
    }
}
