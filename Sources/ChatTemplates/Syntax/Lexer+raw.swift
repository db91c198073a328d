extension Lexer {
    /// Whether `raw %}` or `raw -%}` follows the opening of a block.
    func startsRaw() -> Bool { endOfTag(named: "raw", from: position, signs: "-") != nil }

    /// Reads the text up to `{% endraw %}` as it stands.
    mutating func readRaw() throws(ChatTemplateError) {
        guard let opening = endOfTag(named: "raw", from: position, signs: "-") else { return }
        advance(to: opening.end)
        // A newline after `{% raw %}` is content, `trim_blocks` or not.
        closeTag(sign: opening.sign, trimsNewline: false)
        let start = position
        let opened = line
        var index = start
        while index < source.count {
            if let sign = rawEnd(at: index) {
                try closeRaw(from: start, to: index, sign: sign)
                return
            }
            index += 1
        }
        // jinja2 forgives a block that opens at the very end.
        guard start < source.count else { return }
        throw .syntax(message: "Missing end of raw directive", line: opened)
    }

    /// The sign of `{% endraw` at `index`, nil when something else stands there.
    private func rawEnd(at index: Int) -> Unicode.Scalar?? {
        guard character(at: index) == "{", character(at: index + 1) == "%" else { return nil }
        let sign = character(at: index + 2).flatMap { $0 == "-" || $0 == "+" ? $0 : nil }
        let name = index + (sign == nil ? 2 : 3)
        guard endOfTag(named: "endraw", from: name, signs: "-+") != nil else { return nil }
        return .some(sign)
    }

    private mutating func closeRaw(from start: Int, to end: Int, sign: Unicode.Scalar?) throws(ChatTemplateError) {
        var text = source[start..<end]
        if sign == "-" {
            while text.last?.isPythonSpace == true { text.removeLast() }
        } else if sign == nil {
            let blankStart = text.lastIndex(of: "\n").map { $0 + 1 } ?? (startsLineForRaw(start) ? start : nil)
            if let blankStart, text[blankStart...].allSatisfy(\.isPythonSpace) { text = text[..<blankStart] }
        }
        if !text.isEmpty { tokens.append(Token(kind: .data(Text(text)), line: line)) }
        advance(to: end)
        let name = end + (sign == nil ? 2 : 3)
        guard let closing = endOfTag(named: "endraw", from: name, signs: "-+") else { return }
        advance(to: closing.end)
        closeTag(sign: closing.sign, trimsNewline: true)
    }

    private func startsLineForRaw(_ start: Int) -> Bool { character(at: start - 1) == "\n" }

    private mutating func advance(to end: Int) {
        line += source[position..<end].count { $0 == "\n" }
        position = end
    }

    /// Where a tag of one word ends, when it stands at `start`; `signs` are allowed before its `%}`.
    private func endOfTag(named name: String, from start: Int, signs: String)
        -> (end: Int, sign: Unicode.Scalar?)?
    {
        var index = indexAfterSpace(from: start)
        for scalar in name.unicodeScalars {
            guard character(at: index) == scalar else { return nil }
            index += 1
        }
        index = indexAfterSpace(from: index)
        var sign: Unicode.Scalar?
        if let scalar = character(at: index), signs.unicodeScalars.contains(scalar) {
            sign = scalar
            index += 1
        }
        guard character(at: index) == "%", character(at: index + 1) == "}" else { return nil }
        return (index + 2, sign)
    }

    private func indexAfterSpace(from start: Int) -> Int {
        var index = start
        while character(at: index)?.isPythonSpace == true { index += 1 }
        return index
    }
}
