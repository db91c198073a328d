extension JSONParser {
    /// number = [ "-" ] ( "0" / digit1-9 *digit ) [ "." 1*digit ] [ ("e" / "E") [ "+" / "-" ] 1*digit ]
    mutating func parseNumber() throws(JSONError) -> JSONValue {
        let start = position
        if try peek() == UInt8(ascii: "-") { position += 1 }
        guard try isDigit(peek()) else {
            throw position == start ? unexpected() : .invalidNumber(offset: start)
        }
        let hasLeadingZero = bytes[position] == UInt8(ascii: "0")
        let digits = skipDigits()
        guard !hasLeadingZero || digits == 1 else { throw .invalidNumber(offset: start) }
        var isWhole = true
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            isWhole = false
            position += 1
            guard skipDigits() > 0 else { throw .invalidNumber(offset: start) }
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            isWhole = false
            position += 1
            if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
                position += 1
            }
            guard skipDigits() > 0 else { throw .invalidNumber(offset: start) }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw .invalidNumber(offset: start) }
        return .number(value)
    }

    /// Reads a quoted string at the position, resolving its escapes.
    mutating func parseString() throws(JSONError) -> String {
        try expect(UInt8(ascii: "\""))
        let start = position
        while position < bytes.count, bytes[position] >= 0x20, bytes[position] != UInt8(ascii: "\\") {
            if bytes[position] == UInt8(ascii: "\"") {
                let text = try decode(UnsafeBufferPointer(rebasing: bytes[start..<position]), offset: start)
                position += 1
                return text
            }
            position += 1
        }
        return try parseEscapedString(from: start)
    }

    private mutating func parseEscapedString(from start: Int) throws(JSONError) -> String {
        var content = Array(bytes[start..<position])
        while true {
            let byte = try peek()
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return try content.withUnsafeBufferPointer { buffer -> Result<String, JSONError> in
                    Result { () throws(JSONError) in try decode(buffer, offset: start) }
                }.get()
            case UInt8(ascii: "\\"):
                position += 1
                try parseEscape(into: &content)
            case 0..<0x20:
                throw .invalidString(reason: "an unescaped control character", offset: position)
            default:
                content.append(byte)
                position += 1
            }
        }
    }

    private mutating func parseEscape(into content: inout [UInt8]) throws(JSONError) {
        let byte = try peek()
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0C)
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "u"): content.append(contentsOf: String(try parseUnicodeEscape()).utf8)
        default: throw .invalidString(reason: "an unknown escape", offset: position - 1)
        }
    }

    /// Four hexadecimal digits after `\u`, and the low half of a surrogate pair after a high one.
    private mutating func parseUnicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let start = position
        let high = try parseHexUnit()
        if let scalar = Unicode.Scalar(high) { return scalar }
        guard high < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        else { throw .invalidString(reason: "a lone surrogate", offset: start) }
        position += 2
        let low = try parseHexUnit()
        guard (0xDC00..<0xE000).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (UInt32(high) - 0xD800) << 10 + (UInt32(low) - 0xDC00))
        else { throw .invalidString(reason: "a lone surrogate", offset: start) }
        return scalar
    }

    private mutating func parseHexUnit() throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            let byte = try peek()
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw .invalidString(reason: "a malformed \\u escape", offset: position)
            }
            unit = unit << 4 | UInt16(digit)
            position += 1
        }
        return unit
    }

    private func decode(_ content: UnsafeBufferPointer<UInt8>, offset: Int) throws(JSONError) -> String {
        guard let text = String(validating: content, as: UTF8.self) else {
            throw .invalidString(reason: "invalid UTF-8", offset: offset)
        }
        return text
    }

    private mutating func skipDigits() -> Int {
        let start = position
        while position < bytes.count, isDigit(bytes[position]) { position += 1 }
        return position - start
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
}
