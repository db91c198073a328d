/// Bounds on what is parsed, so that hostile text costs bounded memory and stack.
package struct JSONLimits: Sendable {
    package var maxDepth: Int
    package var maxBytes: Int
    /// Whether a key may appear twice in one object; the last one then wins.
    package var allowsDuplicateKeys: Bool

    package init(maxDepth: Int = 128, maxBytes: Int = 1 << 30, allowsDuplicateKeys: Bool = false) {
        self.maxDepth = maxDepth
        self.maxBytes = maxBytes
        self.allowsDuplicateKeys = allowsDuplicateKeys
    }
}

extension JSONValue {
    /// Parses one RFC 8259 document: strict syntax, valid UTF-8, finite numbers.
    package init(parsing bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
        let result: Result<JSONValue, JSONError> = bytes.withUnsafeBytes { buffer in
            Result { () throws(JSONError) in try JSONValue(parsing: buffer, limits: limits) }
        }
        self = try result.get()
    }

    package init(parsing text: String, limits: JSONLimits = JSONLimits()) throws(JSONError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }

    package init(parsing bytes: UnsafeRawBufferPointer, limits: JSONLimits = JSONLimits()) throws(JSONError) {
        guard bytes.count <= limits.maxBytes else { throw .tooLarge(bytes: bytes.count, limit: limits.maxBytes) }
        var parser = JSONParser(bytes: bytes.bindMemory(to: UInt8.self), limits: limits)
        self = try parser.parseDocument()
    }
}

/// A recursive-descent parser over borrowed bytes; lives only within one call.
struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    let limits: JSONLimits
    var position = 0
    private var depth = 0

    init(bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    mutating func parseDocument() throws(JSONError) -> JSONValue {
        let value = try parseValue()
        skipSpace()
        guard position == bytes.count else { throw .trailingContent(offset: position) }
        return value
    }

    private mutating func parseValue() throws(JSONError) -> JSONValue {
        skipSpace()
        switch try peek() {
        case UInt8(ascii: "{"): return try nested { (parser) throws(JSONError) in try parser.parseObject() }
        case UInt8(ascii: "["): return try nested { (parser) throws(JSONError) in try parser.parseArray() }
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try parseWord("true", as: .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", as: .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", as: .null)
        default: return try parseNumber()
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(JSONError) -> JSONValue
    ) throws(JSONError) -> JSONValue {
        guard depth < limits.maxDepth else { throw .depthExceeded(limit: limits.maxDepth, offset: position) }
        depth += 1
        position += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func parseObject() throws(JSONError) -> JSONValue {
        var object = JSONObject()
        skipSpace()
        if try peek() == UInt8(ascii: "}") {
            position += 1
            return .object(object)
        }
        while true {
            skipSpace()
            let start = position
            guard try peek() == UInt8(ascii: "\"") else { throw unexpected() }
            let key = try parseString()
            skipSpace()
            try expect(UInt8(ascii: ":"))
            let value = try parseValue()
            if !object.insert(key, value) {
                guard limits.allowsDuplicateKeys else { throw .duplicateKey(key, offset: start) }
                object[key] = value
            }
            if try endsList(with: UInt8(ascii: "}")) { return .object(object) }
        }
    }

    private mutating func parseArray() throws(JSONError) -> JSONValue {
        var array: [JSONValue] = []
        skipSpace()
        if try peek() == UInt8(ascii: "]") {
            position += 1
            return .array(array)
        }
        while true {
            array.append(try parseValue())
            if try endsList(with: UInt8(ascii: "]")) { return .array(array) }
        }
    }

    private mutating func endsList(with end: UInt8) throws(JSONError) -> Bool {
        skipSpace()
        let byte = try peek()
        guard byte == end || byte == UInt8(ascii: ",") else { throw unexpected() }
        position += 1
        return byte == end
    }

    private mutating func parseWord(_ word: StaticString, as value: JSONValue) throws(JSONError) -> JSONValue {
        for index in 0..<word.utf8CodeUnitCount { try expect(word.utf8Start[index]) }
        return value
    }

    mutating func expect(_ byte: UInt8) throws(JSONError) {
        guard try peek() == byte else { throw unexpected() }
        position += 1
    }

    func peek() throws(JSONError) -> UInt8 {
        guard position < bytes.count else { throw .unexpectedEnd }
        return bytes[position]
    }

    func unexpected() -> JSONError {
        position < bytes.count ? .unexpectedByte(bytes[position], offset: position) : .unexpectedEnd
    }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }
}
