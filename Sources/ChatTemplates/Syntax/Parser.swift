/// Builds the tree of a template from its tokens, by the grammar of Jinja 3.
struct Parser {
    /// How deep statements and expressions may nest; bounds the recursion of parsing and of rendering.
    static let maxDepth = 64

    let tokens: [Token]
    var index = 0
    var depth = 0
    /// How many loops a `break` could leave, per function body being read.
    var openLoops = [0]
    /// Names read so far, one set per macro being read.
    var namesRead: [Set<String>] = []

    static func parse(_ source: String) throws(ChatTemplateError) -> [Statement] {
        let (tokens, failure) = Lexer.tokens(of: source)
        var parser = Parser(tokens: tokens)
        do throws(ChatTemplateError) {
            let body = try parser.parseBody(until: [])
            if let failure { throw failure }
            return body
        } catch {
            if let failure, parser.index == tokens.count - 1 { throw failure }
            throw error
        }
    }

    var current: Token { tokens[index] }
    var next: Token { tokens[min(index + 1, tokens.count - 1)] }

    mutating func advance() {
        if index + 1 < tokens.count { index += 1 }
    }

    func isSymbol(_ symbol: String) -> Bool { current.kind == .symbol(symbol) }

    func isName(_ name: String) -> Bool { current.kind == .name(name) }

    mutating func skip(symbol: String) -> Bool {
        guard isSymbol(symbol) else { return false }
        advance()
        return true
    }

    mutating func skip(name: String) -> Bool {
        guard isName(name) else { return false }
        advance()
        return true
    }

    mutating func expect(_ kind: Token.Kind) throws(ChatTemplateError) {
        guard current.kind == kind else { throw expected(Token(kind: kind, line: 0).description) }
        advance()
    }

    mutating func expectName() throws(ChatTemplateError) -> String {
        guard case .name(let name) = current.kind else { throw expected("name") }
        advance()
        return name
    }

    func expected(_ what: String) -> ChatTemplateError {
        .syntax(message: "expected token '\(what)', got '\(current.description)'", line: current.line)
    }

    func fail(_ message: String, line: Int? = nil) -> ChatTemplateError {
        .syntax(message: message, line: line ?? current.line)
    }

    /// Runs `read` one level deeper.
    mutating func nested<T>(_ read: (inout Parser) throws(ChatTemplateError) -> T) throws(ChatTemplateError) -> T {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maxDepth else { throw .depthExceeded(limit: Self.maxDepth, line: current.line) }
        return try read(&self)
    }

    /// An expression over `children`, refused when the tree gets too deep to walk.
    func node(_ kind: Expression.Kind, _ line: Int, _ children: [Expression]) throws(ChatTemplateError) -> Expression {
        let depth = 1 + (children.map(\.depth).max() ?? 0)
        guard depth <= Self.maxDepth else { throw .depthExceeded(limit: Self.maxDepth, line: line) }
        return Expression(kind: kind, line: line, depth: depth)
    }
}
