import JSON

/// Walks a JSON document without building it, so that a vocabulary of 10 MB is read in one pass over its bytes.
///
/// Unlike a dictionary of `String`, it keeps keys apart that differ only in their Unicode normalization.
struct JSONCursor {
    private let bytes: [UInt8]
    private(set) var position: Int

    /// - Parameter bytes: valid UTF-8.
    init(_ bytes: [UInt8], at position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    /// Calls `body` before each value of an object, with its key; `body` must move past the value.
    mutating func forEachMember(
        _ body: (inout JSONCursor, _ key: [UInt8]) throws(TokenizationError) -> Void
    ) throws(TokenizationError) {
        try forEach(from: "{", to: "}") { (cursor) throws(TokenizationError) in
            let key = try cursor.readString()
            try cursor.expect(":")
            try body(&cursor, key)
        }
    }

    /// Calls `body` before each element of an array; `body` must move past it.
    mutating func forEachElement(
        _ body: (inout JSONCursor) throws(TokenizationError) -> Void
    ) throws(TokenizationError) {
        try forEach(from: "[", to: "]", body)
    }

    private mutating func forEach(
        from open: Unicode.Scalar,
        to close: Unicode.Scalar,
        _ body: (inout JSONCursor) throws(TokenizationError) -> Void
    ) throws(TokenizationError) {
        try expect(open)
        if consume(close) { return }
        repeat { try body(&self) } while consume(",")
        try expect(close)
    }

    /// Reads a string as the UTF-8 it stands for.
    mutating func readString() throws(TokenizationError) -> [UInt8] {
        skipSpace()
        let start = position
        var hasEscape = false
        try expectQuote()
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            guard bytes[position] >= 0x20 else { throw malformed("no control character in a string") }
            let isEscape = bytes[position] == UInt8(ascii: "\\")
            hasEscape = hasEscape || isEscape
            position += isEscape ? 2 : 1
        }
        try expectQuote()
        guard hasEscape else { return Array(bytes[start + 1..<position - 1]) }
        return try Array(parse(start..<position).string?.utf8 ?? "".utf8)
    }

    /// Reads a whole number that fits `Int32` and is not negative; nil, without moving, where there is none.
    mutating func readID() -> Int? {
        skipSpace()
        let start = position
        var value = 0
        while position < bytes.count, case let digit = bytes[position] &- 48, digit < 10, value < 1 << 31 {
            value = value * 10 + Int(digit)
            position += 1
        }
        let isLeadingZero = position - start > 1 && bytes[start] == 48
        let goesOn = position < bytes.count && [0x2E, 0x45, 0x65].contains(bytes[position])
        guard position > start, value < 1 << 31, !isLeadingZero, !goesOn else {
            position = start
            return nil
        }
        return value
    }

    /// Whether a string starts here.
    mutating func isAtString() -> Bool { isAt("\"") }

    mutating func isAt(_ scalar: Unicode.Scalar) -> Bool {
        skipSpace()
        return position < bytes.count && UInt32(bytes[position]) == scalar.value
    }

    /// Moves past a value without checking its inside; returns where it lies.
    mutating func skipValue() throws(TokenizationError) -> Range<Int> {
        skipSpace()
        let start = position
        var depth = 0
        repeat {
            guard position < bytes.count else { throw malformed("a value") }
            switch bytes[position] {
            case UInt8(ascii: "\""): try skipString()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard depth > 0 else { throw malformed("a value") }
                depth -= 1
                position += 1
            case UInt8(ascii: ",") where depth == 0: throw malformed("a value")
            default: skipWord()
            }
        } while depth > 0
        return start..<position
    }

    /// A cursor over the same document at another place.
    func moved(to position: Int) -> JSONCursor { JSONCursor(bytes, at: position) }

    /// Parses the value that lies in a range; every rule of JSON is checked.
    func parse(_ range: Range<Int>) throws(TokenizationError) -> JSONValue {
        do throws(JSONError) {
            return try JSONValue(parsing: Array(bytes[range]))
        } catch {
            throw .json(error)
        }
    }

    mutating func expectEnd() throws(TokenizationError) {
        skipSpace()
        guard position == bytes.count else { throw malformed("the end of the file") }
    }

    private mutating func skipString() throws(TokenizationError) {
        position += 1
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard position < bytes.count else { throw malformed("the end of a string") }
        position += 1
    }

    /// Moves past a number, a word, or a separator with the space around it.
    private mutating func skipWord() {
        position += 1
        while position < bytes.count {
            switch bytes[position] {
            case 0x2B, 0x2D, 0x2E, 0x30...0x39, 0x41...0x5A, 0x61...0x7A: position += 1
            default: return
            }
        }
    }

    private mutating func consume(_ scalar: Unicode.Scalar) -> Bool {
        guard isAt(scalar) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ scalar: Unicode.Scalar) throws(TokenizationError) {
        guard consume(scalar) else { throw malformed("\(scalar)") }
    }

    /// A quote right here, without space before it.
    private mutating func expectQuote() throws(TokenizationError) {
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw malformed("a quote") }
        position += 1
    }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    private func malformed(_ expected: String) -> TokenizationError {
        .malformed(expected: expected, offset: min(position, bytes.count))
    }
}
