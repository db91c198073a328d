extension Parser {
    /// Reads `(1, name=2, *list, **mapping)`.
    mutating func parseArguments() throws(ChatTemplateError) -> CallArguments {
        let line = current.line
        try expect(.symbol("("))
        var arguments = CallArguments()
        var needsComma = false
        while !isSymbol(")") {
            if needsComma {
                try expect(.symbol(","))
                if isSymbol(")") { break }
            }
            guard try parseArgument(into: &arguments) else {
                throw fail("invalid syntax for function call expression", line: line)
            }
            needsComma = true
        }
        try expect(.symbol(")"))
        return arguments
    }

    /// Reads one argument; false when it may not follow those before it.
    private mutating func parseArgument(into arguments: inout CallArguments) throws(ChatTemplateError) -> Bool {
        if skip(symbol: "*") {
            guard arguments.spread == nil, arguments.namedSpread == nil else { return false }
            arguments.spread = try parseExpression()
        } else if skip(symbol: "**") {
            guard arguments.namedSpread == nil else { return false }
            arguments.namedSpread = try parseExpression()
        } else if case .name(let name) = current.kind, next.kind == .symbol("=") {
            guard arguments.namedSpread == nil else { return false }
            advance()
            advance()
            let value = try parseExpression()
            if arguments.named.contains(where: { $0.name == name }) {
                throw fail("keyword argument repeated: \(name)", line: value.line)
            }
            arguments.named.append((name, value))
        } else {
            guard arguments.spread == nil, arguments.namedSpread == nil, arguments.named.isEmpty else { return false }
            arguments.positional.append(try parseExpression())
        }
        return true
    }

    /// Reads the parameters of a macro.
    mutating func parseParameters() throws(ChatTemplateError) -> [(name: String, standard: Expression?)] {
        try expect(.symbol("("))
        var parameters: [(name: String, standard: Expression?)] = []
        while !isSymbol(")") {
            if !parameters.isEmpty { try expect(.symbol(",")) }
            let name = try parseAssignedName()
            if skip(symbol: "=") {
                parameters.append((name, try parseExpression()))
            } else if parameters.last?.standard != nil {
                throw fail("non-default argument follows default argument")
            } else {
                parameters.append((name, nil))
            }
        }
        advance()
        return parameters
    }

    mutating func parseAssignedName() throws(ChatTemplateError) -> String {
        let line = current.line
        let name = try expectName()
        try checkAssignable(name, line)
        return name
    }

    func checkAssignable(_ name: String, _ line: Int) throws(ChatTemplateError) {
        if ["true", "True", "false", "False", "none", "None"].contains(name) {
            throw fail("can't assign to '\(name)'", line: line)
        }
    }

    /// What `set`, `for` and `with` assign to: a name, a namespace's attribute, or a tuple of these.
    ///
    /// - Parameter stop: the name that ends the target, `in` for loops.
    mutating func parseTarget(stop: String? = nil, allowsAttribute: Bool) throws(ChatTemplateError) -> Target {
        var targets: [Target] = []
        var isTuple = false
        while !isTupleEnd(stop) {
            targets.append(try parseTargetItem(allowsAttribute))
            guard skip(symbol: ",") else { break }
            isTuple = true
        }
        if isTuple { return .tuple(targets) }
        guard let only = targets.first else { throw fail("Expected an expression, got '\(current.description)'") }
        return only
    }

    private mutating func parseTargetItem(_ allowsAttribute: Bool) throws(ChatTemplateError) -> Target {
        let line = current.line
        if skip(symbol: "(") {
            let inner = try nested { parser throws(ChatTemplateError) -> Target in
                parser.isSymbol(")")
                    ? .tuple([]) : try parser.parseTarget(stop: nil, allowsAttribute: false)
            }
            try expect(.symbol(")"))
            return inner
        }
        guard case .name = current.kind else { throw fail("can't assign to '\(current.description)'") }
        let name = try expectName()
        if allowsAttribute, skip(symbol: ".") { return .attribute(namespace: name, try expectName()) }
        try checkAssignable(name, line)
        return .name(name)
    }
}
