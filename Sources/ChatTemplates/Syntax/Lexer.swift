/// Cuts a template into tokens, with `trim_blocks` and `lstrip_blocks` on, as chat templates are rendered.
///
/// - A newline right after `%}` or `#}` is dropped, spaces and tabs between a line's start and `{%` or `{#` too.
/// - `-` at a tag's edge drops all whitespace there, `+` keeps it all.
/// - One newline at the very end of the source is dropped; `\r\n` and `\r` read as `\n`.
struct Lexer {
    let source: [Unicode.Scalar]
    var position = 0
    var line = 1
    var tokens: [Token] = []
    /// Closing brackets still expected inside the current tag.
    var brackets: [Unicode.Scalar] = []
    /// Whether the text that comes next starts a line.
    private var startsLine = true

    init(_ text: String) {
        var scalars: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars {
            if scalar == "\n", scalars.last == "\r" { scalars.removeLast() }
            scalars.append(scalar)
        }
        for index in scalars.indices where scalars[index] == "\r" { scalars[index] = "\n" }
        if scalars.last == "\n" { scalars.removeLast() }
        source = scalars
    }

    /// The tokens up to the end, or up to the first place that is none, with what is wrong there.
    ///
    /// The parser goes
    /// first: what it refuses before that place is the error to report.
    static func tokens(of text: String) -> (tokens: [Token], failure: ChatTemplateError?) {
        var lexer = Lexer(text)
        var failure: ChatTemplateError?
        do throws(ChatTemplateError) {
            while lexer.position < lexer.source.count { try lexer.readTextAndTag() }
        } catch {
            failure = error
        }
        lexer.tokens.append(Token(kind: .end, line: lexer.line))
        return (lexer.tokens, failure)
    }

    private enum Tag { case block, comment, variable }

    private mutating func readTextAndTag() throws(ChatTemplateError) {
        let start = position
        while position < source.count, tag(at: position) == nil { position += 1 }
        guard let tag = tag(at: position) else {
            emitText(source[start...])
            return
        }
        var text = source[start..<position]
        let sign = character(at: position + 2)
        stripEnd(of: &text, before: tag, sign: sign)
        emitText(text)
        line += source[(start + text.count)..<position].count { $0 == "\n" }
        position += sign == "-" || sign == "+" ? 3 : 2
        switch tag {
        case .comment: try skipComment()
        case .variable: try readExpression(closing: "}}", begin: .variableBegin, end: .variableEnd)
        case .block:
            if startsRaw() {
                try readRaw()
            } else {
                try readExpression(closing: "%}", begin: .blockBegin, end: .blockEnd)
            }
        }
    }

    private func tag(at index: Int) -> Tag? {
        guard character(at: index) == "{" else { return nil }
        switch character(at: index + 1) {
        case "%": return .block
        case "#": return .comment
        case "{": return .variable
        default: return nil
        }
    }

    private func stripEnd(of text: inout ArraySlice<Unicode.Scalar>, before tag: Tag, sign: Unicode.Scalar?) {
        if sign == "-" {
            while text.last?.isPythonSpace == true { text.removeLast() }
        } else if sign != "+", tag != .variable {
            let lineStart = text.lastIndex(of: "\n").map { $0 + 1 }
            guard let blankStart = lineStart ?? (startsLine ? text.startIndex : nil) else { return }
            if text[blankStart...].allSatisfy(\.isPythonSpace) { text = text[..<blankStart] }
        }
    }

    private mutating func emitText(_ text: ArraySlice<Unicode.Scalar>) {
        if !text.isEmpty { tokens.append(Token(kind: .data(Text(text)), line: line)) }
        line += text.count { $0 == "\n" }
    }

    private mutating func skipComment() throws(ChatTemplateError) {
        let start = position
        let opened = line
        while position + 1 < source.count {
            if source[position] == "#", source[position + 1] == "}" {
                // In `{#-#}` the sign belongs to the opening and strips on the left only.
                let sign = position > start ? source[position - 1] : nil
                position += 2
                closeTag(sign: sign, trimsNewline: true)
                return
            }
            if source[position] == "\n" { line += 1 }
            position += 1
        }
        // jinja2 forgives a comment that opens at the very end.
        guard position > start || position < source.count else { return }
        throw .syntax(message: "Missing end of comment tag", line: opened)
    }

    /// Applies whitespace control after the end of a tag.
    mutating func closeTag(sign: Unicode.Scalar?, trimsNewline: Bool) {
        if sign == "-" {
            skipSpace()
        } else if sign != "+", trimsNewline, character(at: position) == "\n" {
            position += 1
            line += 1
        }
        startsLine = character(at: position - 1) == "\n"
    }

    mutating func skipSpace() {
        while let scalar = character(at: position), scalar.isPythonSpace {
            if scalar == "\n" { line += 1 }
            position += 1
        }
    }

    func character(at index: Int) -> Unicode.Scalar? {
        source.indices.contains(index) ? source[index] : nil
    }

    func syntaxError(_ message: String) -> ChatTemplateError { .syntax(message: message, line: line) }
}
