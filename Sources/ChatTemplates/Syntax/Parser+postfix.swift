extension Parser {
    mutating func parsePostfix(_ subject: Expression) throws(ChatTemplateError) -> Expression {
        var expression = subject
        while true {
            if isSymbol(".") {
                expression = try parseAttribute(expression)
            } else if isSymbol("[") {
                expression = try parseSubscript(expression)
            } else if isSymbol("(") {
                expression = try parseCall(expression)
            } else {
                return expression
            }
        }
    }

    mutating func parseFiltersAndTests(_ subject: Expression) throws(ChatTemplateError) -> Expression {
        var expression = subject
        while true {
            if isSymbol("|") {
                advance()
                expression = try parseFilter(expression)
            } else if isName("is") {
                expression = try parseTest(expression)
            } else if isSymbol("(") {
                expression = try parseCall(expression)
            } else {
                return expression
            }
        }
    }

    private mutating func parseAttribute(_ subject: Expression) throws(ChatTemplateError) -> Expression {
        let line = current.line
        advance()
        switch current.kind {
        case .name(let name):
            advance()
            return try node(.attribute(subject, name), line, [subject])
        case .integer(let value):
            advance()
            let key = Expression(kind: .literal(.integer(value)), line: line, depth: 1)
            return try node(.item(subject, key), line, [subject, key])
        default: throw fail("expected name or number")
        }
    }

    private mutating func parseSubscript(_ subject: Expression) throws(ChatTemplateError) -> Expression {
        let line = current.line
        advance()
        var keys: [Expression] = []
        var slice: Slice?
        while !isSymbol("]") {
            if !keys.isEmpty || slice != nil { try expect(.symbol(",")) }
            let start = isSymbol(":") ? nil : try parseExpression()
            if isSymbol(":") {
                guard keys.isEmpty, slice == nil else { throw unsupported("a slice among several keys", line) }
                slice = try parseSlice(from: start)
            } else if let start {
                guard slice == nil else { throw unsupported("a slice among several keys", line) }
                keys.append(start)
            }
        }
        advance()
        if let slice {
            let bounds = [slice.start, slice.stop, slice.step].compactMap { $0 }
            return try node(.slice(subject, slice), line, [subject] + bounds)
        }
        let key = keys.count == 1 ? keys[0] : try node(.tuple(keys), line, keys)
        return try node(.item(subject, key), line, [subject, key])
    }

    private mutating func parseSlice(from start: Expression?) throws(ChatTemplateError) -> Slice {
        advance()
        func isEnd(_ parser: Parser) -> Bool {
            parser.isSymbol(":") || parser.isSymbol("]") || parser.isSymbol(",")
        }
        let stop = isEnd(self) ? nil : try parseExpression()
        guard skip(symbol: ":") else { return Slice(start: start, stop: stop, step: nil) }
        let step = isEnd(self) ? nil : try parseExpression()
        return Slice(start: start, stop: stop, step: step)
    }

    private mutating func parseCall(_ subject: Expression) throws(ChatTemplateError) -> Expression {
        let line = current.line
        let arguments = try parseArguments()
        return try node(.call(subject, arguments), line, [subject] + arguments.expressions)
    }

    /// The filter whose name is next; a nil subject stands for the text of a block.
    mutating func parseFilter(_ subject: Expression?) throws(ChatTemplateError) -> Expression {
        let line = current.line
        let name = try parseDottedName()
        guard let support = Filter.support(of: name) else { throw fail("No filter named '\(name)'.", line: line) }
        guard support else { throw unsupported("the filter '\(name)'", line) }
        let arguments = isSymbol("(") ? try parseArguments() : CallArguments()
        let children = (subject.map { [$0] } ?? []) + arguments.expressions
        return try node(.filter(subject, name, arguments), line, children)
    }

    private mutating func parseDottedName() throws(ChatTemplateError) -> String {
        var name = try expectName()
        while skip(symbol: ".") { name += "." + (try expectName()) }
        return name
    }

    private mutating func parseTest(_ subject: Expression) throws(ChatTemplateError) -> Expression {
        let line = current.line
        advance()
        let isNegated = skip(name: "not")
        let nameLine = current.line
        let name = try parseDottedName()
        guard Test.exists(name) else { throw fail("No test named '\(name)'.", line: nameLine) }
        let arguments = try parseTestArguments()
        let test = try node(.test(subject, name, arguments), line, [subject] + arguments.expressions)
        return isNegated ? try node(.unary(.not, test), line, [test]) : test
    }

    /// A test takes one argument without parentheses: `x is divisibleby 3`.
    private mutating func parseTestArguments() throws(ChatTemplateError) -> CallArguments {
        switch current.kind {
        case .symbol("("): return try parseArguments()
        case .name("else"), .name("or"), .name("and"): return CallArguments()
        case .name("is"): throw fail("You cannot chain multiple tests with is")
        case .name, .string, .integer, .float, .symbol("["), .symbol("{"):
            let argument = try nested { parser throws(ChatTemplateError) in
                try parser.parsePostfix(try parser.parsePrimary())
            }
            return CallArguments(positional: [argument])
        default: return CallArguments()
        }
    }

    func unsupported(_ feature: String, _ line: Int) -> ChatTemplateError {
        .unsupported(feature: feature, line: line)
    }
}
