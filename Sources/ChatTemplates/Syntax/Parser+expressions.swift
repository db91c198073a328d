extension Parser {
    mutating func parseExpression() throws(ChatTemplateError) -> Expression {
        try nested { parser throws(ChatTemplateError) in try parser.parseConditional() }
    }

    private mutating func parseConditional() throws(ChatTemplateError) -> Expression {
        var line = current.line
        var expression = try parseOr()
        while skip(name: "if") {
            let test = try parseOr()
            let otherwise = skip(name: "else") ? try parseExpression() : nil
            let children = [test, expression] + (otherwise.map { [$0] } ?? [])
            let kind = Expression.Kind.conditional(test: test, then: expression, otherwise: otherwise)
            expression = try node(kind, line, children)
            line = current.line
        }
        return expression
    }

    mutating func parseOr() throws(ChatTemplateError) -> Expression {
        let line = current.line
        var left = try parseAnd()
        while skip(name: "or") {
            let right = try parseAnd()
            left = try node(.or(left, right), line, [left, right])
        }
        return left
    }

    private mutating func parseAnd() throws(ChatTemplateError) -> Expression {
        let line = current.line
        var left = try parseNot()
        while skip(name: "and") {
            let right = try parseNot()
            left = try node(.and(left, right), line, [left, right])
        }
        return left
    }

    private mutating func parseNot() throws(ChatTemplateError) -> Expression {
        let line = current.line
        guard skip(name: "not") else { return try parseComparison() }
        let operand = try nested { parser throws(ChatTemplateError) in try parser.parseNot() }
        return try node(.unary(.not, operand), line, [operand])
    }

    private mutating func parseComparison() throws(ChatTemplateError) -> Expression {
        let line = current.line
        let first = try parseSum()
        var rest: [(ComparisonOperator, Expression)] = []
        while let operation = takeComparison() { rest.append((operation, try parseSum())) }
        return rest.isEmpty ? first : try node(.comparison(first, rest), line, [first] + rest.map(\.1))
    }

    private mutating func takeComparison() -> ComparisonOperator? {
        switch current.kind {
        case .symbol(let symbol):
            guard let operation = ComparisonOperator(rawValue: symbol) else { return nil }
            advance()
            return operation
        case .name("in"):
            advance()
            return .contains
        case .name("not") where next.kind == .name("in"):
            advance()
            advance()
            return .missing
        default: return nil
        }
    }

    private mutating func takeOperator(_ accepted: [BinaryOperator]) -> BinaryOperator? {
        guard case .symbol(let symbol) = current.kind, let operation = BinaryOperator(rawValue: symbol),
            accepted.contains(operation)
        else { return nil }
        advance()
        return operation
    }

    private mutating func parseSum() throws(ChatTemplateError) -> Expression {
        let line = current.line
        var left = try parseConcatenation()
        while let operation = takeOperator([.add, .subtract]) {
            let right = try parseConcatenation()
            left = try node(.binary(operation, left, right), line, [left, right])
        }
        return left
    }

    private mutating func parseConcatenation() throws(ChatTemplateError) -> Expression {
        let line = current.line
        var parts = [try parseProduct()]
        while skip(symbol: "~") { parts.append(try parseProduct()) }
        return parts.count == 1 ? parts[0] : try node(.concatenation(parts), line, parts)
    }

    private mutating func parseProduct() throws(ChatTemplateError) -> Expression {
        let line = current.line
        var left = try parsePower()
        while let operation = takeOperator([.multiply, .divide, .floorDivide, .modulo]) {
            let right = try parsePower()
            left = try node(.binary(operation, left, right), line, [left, right])
        }
        return left
    }

    private mutating func parsePower() throws(ChatTemplateError) -> Expression {
        let line = current.line
        var left = try parseUnary(takesFilters: true)
        // Jinja's grammar groups powers from the left, unlike Python's.
        while let operation = takeOperator([.power]) {
            let right = try parseUnary(takesFilters: true)
            left = try node(.binary(operation, left, right), line, [left, right])
        }
        return left
    }

    private mutating func parseUnary(takesFilters: Bool) throws(ChatTemplateError) -> Expression {
        let line = current.line
        var expression: Expression
        if isSymbol("-") || isSymbol("+") {
            let operation: UnaryOperator = isSymbol("-") ? .minus : .plus
            advance()
            let operand = try nested { parser throws(ChatTemplateError) in
                try parser.parseUnary(takesFilters: false)
            }
            expression = try node(.unary(operation, operand), line, [operand])
        } else {
            expression = try parsePrimary()
        }
        expression = try parsePostfix(expression)
        return takesFilters ? try parseFiltersAndTests(expression) : expression
    }
}
