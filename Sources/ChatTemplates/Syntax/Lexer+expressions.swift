extension Lexer {
    /// Reads the tokens of `{{ }}` or `{% %}`; the opening is consumed.
    mutating func readExpression(closing: String, begin: Token.Kind, end: Token.Kind) throws(ChatTemplateError) {
        tokens.append(Token(kind: begin, line: line))
        brackets.removeAll()
        let close = Array(closing.unicodeScalars)
        while true {
            if brackets.isEmpty, let sign = closingSign(close) {
                tokens.append(Token(kind: end, line: line))
                position += sign == nil ? 2 : 3
                closeTag(sign: sign, trimsNewline: end == .blockEnd)
                return
            }
            guard let scalar = character(at: position) else {
                throw syntaxError("unexpected end of template inside a tag")
            }
            if scalar.isPythonSpace { skipSpace() } else { try readToken(scalar) }
        }
    }

    /// The sign of the tag's end at `position`; nil when the tag goes on.
    private func closingSign(_ close: [Unicode.Scalar]) -> Unicode.Scalar?? {
        if character(at: position) == close[0], character(at: position + 1) == close[1] { return .some(nil) }
        guard let sign = character(at: position), sign == "-" || (sign == "+" && close[0] == "%") else { return nil }
        let isEnd = character(at: position + 1) == close[0] && character(at: position + 2) == close[1]
        return isEnd ? .some(sign) : nil
    }

    private mutating func readToken(_ scalar: Unicode.Scalar) throws(ChatTemplateError) {
        if scalar.isASCIIDigit {
            try readNumber()
        } else if scalar == "_" || scalar.properties.isXIDStart {
            readName()
        } else if scalar == "'" || scalar == "\"" {
            try readString(quote: scalar)
        } else {
            try readSymbol(scalar)
        }
    }

    private mutating func readName() {
        let start = position
        while let scalar = character(at: position), scalar.properties.isXIDContinue { position += 1 }
        tokens.append(Token(kind: .name(Text(source[start..<position]).string), line: line))
    }

    private mutating func readString(quote: Unicode.Scalar) throws(ChatTemplateError) {
        let start = position + 1
        var index = start
        while let scalar = character(at: index), scalar != quote { index += scalar == "\\" ? 2 : 1 }
        guard index < source.count else { throw syntaxError("unexpected char '\(quote)': the string does not end") }
        guard let text = StringLiteral.unescaped(source[start..<index]) else {
            throw syntaxError("malformed escape in a string")
        }
        tokens.append(Token(kind: .string(text), line: line))
        line += source[start..<index].count { $0 == "\n" }
        position = index + 1
    }

    private static let symbols: Set<String> = [
        "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";",
        "//", "**", "==", "!=", ">=", "<=",
    ]

    private mutating func readSymbol(_ scalar: Unicode.Scalar) throws(ChatTemplateError) {
        let pair = String(String.UnicodeScalarView([scalar, character(at: position + 1) ?? " "]))
        let symbol = Self.symbols.contains(pair) ? pair : String(scalar)
        guard Self.symbols.contains(symbol) else { throw syntaxError("unexpected char '\(symbol)'") }
        switch scalar {
        case "(": brackets.append(")")
        case "[": brackets.append("]")
        case "{": brackets.append("}")
        case ")", "]", "}":
            guard let expected = brackets.popLast() else { throw syntaxError("unexpected '\(symbol)'") }
            guard expected == scalar else { throw syntaxError("unexpected '\(symbol)', expected '\(expected)'") }
        default: break
        }
        tokens.append(Token(kind: .symbol(symbol), line: line))
        position += symbol.unicodeScalars.count
    }
}
