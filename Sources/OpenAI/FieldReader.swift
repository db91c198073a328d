package import Core
package import JSON

/// Reads the members of one JSON object, naming field, bound and value in every refusal.
///
/// Null means absent.
package struct FieldReader {
    private let object: JSONObject
    private let prefix: String

    /// - Parameter prefix: path of the object inside the body, as `messages[0].`; empty for the body itself.
    package init(_ object: JSONObject, prefix: String = "") {
        self.object = object
        self.prefix = prefix
    }

    /// Parses a whole body, which must be a JSON object.
    package init(body: [UInt8]) throws(OpenAIError) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: body)
        } catch {
            throw .malformedJSON("\(error)")
        }
        try self.init(value, path: "")
    }

    /// - Parameter path: of `value` inside the body, for messages.
    package init(_ value: JSONValue, path: String) throws(OpenAIError) {
        guard case .object(let object) = value else {
            throw .wrongType(field: path, expected: "an object", actual: value.typeName)
        }
        self.init(object, prefix: path.isEmpty ? "" : path + ".")
    }

    /// The path of a member inside the body.
    package func path(_ name: String) -> String { prefix + name }

    /// A member that is present and not null.
    package func value(_ name: String) -> JSONValue? {
        guard let value = object[name] else { return nil }
        if case .null = value { return nil }
        return value
    }

    package func string(_ name: String) throws(OpenAIError) -> String? {
        guard let value = value(name) else { return nil }
        guard case .string(let text) = value else { throw wrongType(name, "a string", value) }
        return text
    }

    package func requiredString(_ name: String) throws(OpenAIError) -> String {
        guard let text = try string(name), !text.isEmpty else { throw .missing(field: path(name)) }
        return text
    }

    package func bool(_ name: String) throws(OpenAIError) -> Bool? {
        guard let value = value(name) else { return nil }
        guard case .bool(let flag) = value else { throw wrongType(name, "a boolean", value) }
        return flag
    }

    package func integer(_ name: String, in range: ClosedRange<Int>) throws(OpenAIError) -> Int? {
        guard let value = value(name) else { return nil }
        return try value.integer(path(name), in: range)
    }

    package func array(_ name: String) throws(OpenAIError) -> [JSONValue]? {
        guard let value = value(name) else { return nil }
        guard case .array(let elements) = value else { throw wrongType(name, "an array", value) }
        return elements
    }

    package func object(_ name: String) throws(OpenAIError) -> FieldReader? {
        guard let value = value(name) else { return nil }
        return try FieldReader(value, path: path(name))
    }

    /// A finite number in a range; pass `excludingLower` for a half-open `(lower, upper]`.
    package func number(
        _ name: String,
        in range: ClosedRange<Double>,
        excludingLower: Bool = false
    ) throws(OpenAIError) -> Float? {
        guard let value = value(name) else { return nil }
        return try value.number(path(name), in: range, excludingLower: excludingLower)
    }

    private func wrongType(_ name: String, _ expected: String, _ value: JSONValue) -> OpenAIError {
        .wrongType(field: path(name), expected: expected, actual: value.typeName)
    }
}

extension JSONValue {
    /// What a user would call this value's type, with its article.
    package var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    /// This value as an integer of a range; `field` is its path for messages.
    package func integer(_ field: String, in range: ClosedRange<Int>) throws(OpenAIError) -> Int {
        switch self {
        case .integer(let number):
            guard range.contains(number) else {
                throw .outOfRange(field: field, bound: range.readable, value: "\(number)")
            }
            return number
        case .number(let number):
            if let whole = Int(exactly: number), range.contains(whole) { return whole }
            // Beyond Int, or with a fraction: never rounded to something the caller did not write.
            throw number == number.rounded()
                ? .outOfRange(field: field, bound: range.readable, value: "\(number)")
                : .wrongType(field: field, expected: "an integer", actual: "the number \(number)")
        default:
            throw .wrongType(field: field, expected: "an integer", actual: typeName)
        }
    }

    /// This value as a finite number of a range; `field` is its path for messages.
    package func number(
        _ field: String,
        in range: ClosedRange<Double>,
        excludingLower: Bool = false
    ) throws(OpenAIError) -> Float {
        let number: Double
        switch self {
        case .integer(let value): number = Double(value)
        case .number(let value): number = value
        default: throw .wrongType(field: field, expected: "a number", actual: typeName)
        }
        guard range.contains(number), !(excludingLower && Float(number) <= Float(range.lowerBound)) else {
            let bound =
                excludingLower
                ? "greater than \(range.lowerBound) and at most \(range.upperBound)"
                : "between \(range.lowerBound) and \(range.upperBound)"
            throw .outOfRange(field: field, bound: bound, value: "\(number)")
        }
        return Float(number)
    }

    /// This value as a token id; only the vocabulary's end is left to check.
    package func token(_ field: String) throws(OpenAIError) -> TokenID {
        TokenID(Int32(try integer(field, in: 0...Int(Int32.max))))
    }
}

extension ClosedRange<Int> {
    fileprivate var readable: String {
        switch (lowerBound, upperBound) {
        case (Int.min, Int.max): "a 64-bit integer"
        case (let lower, Int.max): "at least \(lower)"
        case (let lower, let upper): "between \(lower) and \(upper)"
        }
    }
}
