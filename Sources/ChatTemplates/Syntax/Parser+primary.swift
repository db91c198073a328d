extension Parser {
    mutating func parsePrimary() throws(ChatTemplateError) -> Expression {
        let token = current
        switch token.kind {
        case .name(let name):
            advance()
            return parseName(name, token.line)
        case .string: return parseStrings()
        case .integer(let value):
            advance()
            return Expression(kind: .literal(.integer(value)), line: token.line, depth: 1)
        case .float(let value):
            advance()
            return Expression(kind: .literal(.float(value)), line: token.line, depth: 1)
        case .symbol("("):
            advance()
            let expression = try parseTuple(allowsEmpty: true)
            try expect(.symbol(")"))
            return expression
        case .symbol("["): return try parseList()
        case .symbol("{"): return try parseDictionary()
        default: throw fail("unexpected '\(token.description)'")
        }
    }

    private mutating func parseName(_ name: String, _ line: Int) -> Expression {
        let kind: Expression.Kind =
            switch name {
            case "true", "True": .literal(.bool(true))
            case "false", "False": .literal(.bool(false))
            case "none", "None": .literal(.none)
            default: .name(name)
            }
        if !namesRead.isEmpty { namesRead[namesRead.count - 1].insert(name) }
        return Expression(kind: kind, line: line, depth: 1)
    }

    /// Adjacent strings are one.
    private mutating func parseStrings() -> Expression {
        let line = current.line
        var text = Text()
        while case .string(let part) = current.kind {
            text.scalars += part.scalars
            advance()
        }
        return Expression(kind: .literal(.string(text)), line: line, depth: 1)
    }

    /// One expression, or a tuple when commas follow.
    ///
    /// - Parameter stop: a name that ends the tuple after a trailing comma.
    mutating func parseTuple(
        allowsEmpty: Bool = false,
        allowsConditional: Bool = true,
        stop: String? = nil
    ) throws(ChatTemplateError) -> Expression {
        let line = current.line
        var items: [Expression] = []
        var isTuple = false
        while !isTupleEnd(stop) {
            items.append(allowsConditional ? try parseExpression() : try parseOr())
            guard skip(symbol: ",") else { break }
            isTuple = true
        }
        if !isTuple {
            if let only = items.first { return only }
            if !allowsEmpty { throw fail("Expected an expression, got '\(current.description)'") }
        }
        return try node(.tuple(items), line, items)
    }

    func isTupleEnd(_ stop: String?) -> Bool {
        switch current.kind {
        case .variableEnd, .blockEnd, .symbol(")"): true
        case .name(let name): name == stop
        default: false
        }
    }

    private mutating func parseList() throws(ChatTemplateError) -> Expression {
        let line = current.line
        advance()
        var items: [Expression] = []
        while !isSymbol("]") {
            if !items.isEmpty { try expect(.symbol(",")) }
            if isSymbol("]") { break }
            items.append(try parseExpression())
        }
        advance()
        return try node(.list(items), line, items)
    }

    private mutating func parseDictionary() throws(ChatTemplateError) -> Expression {
        let line = current.line
        advance()
        var pairs: [(key: Expression, value: Expression)] = []
        while !isSymbol("}") {
            if !pairs.isEmpty { try expect(.symbol(",")) }
            if isSymbol("}") { break }
            let key = try parseExpression()
            try expect(.symbol(":"))
            pairs.append((key, try parseExpression()))
        }
        advance()
        return try node(.dictionary(pairs), line, pairs.flatMap { [$0.key, $0.value] })
    }
}
