extension Unicode.Scalar {
    var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}

extension Lexer {
    /// Reads `12`, `1_000`, `0x1F`, `0b1`, `0o7`, `1.5`, `1e5`.
    mutating func readNumber() throws(ChatTemplateError) {
        if character(at: position - 1) != ".", let end = floatEnd() {
            let text = plainText(position..<end)
            tokens.append(Token(kind: .float(Double(text) ?? .infinity), line: line))
            position = end
            return
        }
        let (digits, radix, end) = integerParts()
        guard let value = Int(digits, radix: radix) else { throw syntaxError("integer \(digits) is beyond 64 bits") }
        tokens.append(Token(kind: .integer(value), line: line))
        position = end
    }

    /// Where a float ends that starts at `position`; nil for an integer.
    private func floatEnd() -> Int? {
        guard let whole = digitsEnd(from: position) else { return nil }
        var end = whole
        if character(at: end) == ".", let fraction = digitsEnd(from: end + 1) { end = fraction }
        if let exponent = exponentEnd(from: end) { end = exponent }
        return end == whole ? nil : end
    }

    private func exponentEnd(from index: Int) -> Int? {
        guard let mark = character(at: index), mark == "e" || mark == "E" else { return nil }
        let isSigned = character(at: index + 1) == "+" || character(at: index + 1) == "-"
        return digitsEnd(from: index + (isSigned ? 2 : 1))
    }

    /// Where digits, single underscores between them, end; nil when there are none.
    private func digitsEnd(from start: Int, accepts: (Unicode.Scalar) -> Bool = \.isASCIIDigit) -> Int? {
        var index = start
        while let scalar = character(at: index) {
            if accepts(scalar) {
                index += 1
            } else if scalar == "_", index > start, let next = character(at: index + 1), accepts(next) {
                index += 1
            } else {
                break
            }
        }
        return index == start ? nil : index
    }

    private func integerParts() -> (digits: String, radix: Int, end: Int) {
        if character(at: position) == "0", let mark = character(at: position + 1) {
            let radix = ["b": 2, "B": 2, "o": 8, "O": 8, "x": 16, "X": 16][mark]
            if let radix {
                let start = position + (character(at: position + 2) == "_" ? 3 : 2)
                let end = digitsEnd(from: start) { Int(String($0), radix: radix) != nil }
                if let end { return (plainText(start..<end), radix, end) }
            }
        }
        // A leading zero stands alone: `012` is two numbers, which the parser refuses.
        let accepts: (Unicode.Scalar) -> Bool = character(at: position) == "0" ? { $0 == "0" } : \.isASCIIDigit
        let end = digitsEnd(from: position, accepts: accepts) ?? position + 1
        return (plainText(position..<end), 10, end)
    }

    private func plainText(_ range: Range<Int>) -> String {
        Text(source[range].filter { $0 != "_" }).string
    }
}
