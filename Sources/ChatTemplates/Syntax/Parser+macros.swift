extension Parser {
    mutating func parseMacro() throws(ChatTemplateError) -> Statement.Kind {
        let name = try parseAssignedName()
        let (macro, _) = try parseFunction(named: name, until: "endmacro") { parser throws(ChatTemplateError) in
            (try parser.parseParameters(), ())
        }
        return .macro(macro)
    }

    mutating func parseCallBlock(_ line: Int) throws(ChatTemplateError) -> Statement.Kind {
        let (macro, call) = try parseFunction(named: nil, until: "endcall") { parser throws(ChatTemplateError) in
            let parameters = parser.isSymbol("(") ? try parser.parseParameters() : []
            return (parameters, try parser.parseExpression())
        }
        guard case .call(let callee, let arguments) = call.kind else { throw fail("expected call", line: line) }
        return .callBlock(macro, callee, arguments)
    }

    /// Reads a body that runs as a function: loops outside of it cannot be left from inside.
    mutating func parseFunctionBody(until end: String) throws(ChatTemplateError) -> (body: [Statement], end: String) {
        openLoops.append(0)
        defer { openLoops.removeLast() }
        return try parseBlock(until: [end])
    }

    /// Reads a macro whose head is read by `readHead`, noting the special names its body reads.
    private mutating func parseFunction<Head>(
        named name: String?,
        until end: String,
        readHead: (inout Parser) throws(ChatTemplateError) -> ([(name: String, standard: Expression?)], Head)
    ) throws(ChatTemplateError) -> (Macro, Head) {
        let (parameters, head) = try readHead(&self)
        namesRead.append([])
        let body = try parseFunctionBody(until: end).body
        let names = namesRead.removeLast()
        if !namesRead.isEmpty { namesRead[namesRead.count - 1].formUnion(names) }
        let declared = parameters.map(\.name)
        func reads(_ special: String) -> Bool { names.contains(special) && !declared.contains(special) }
        let macro = Macro(
            name: name,
            parameters: parameters,
            body: body,
            usesVarargs: reads("varargs"),
            usesKwargs: reads("kwargs"),
            usesCaller: reads("caller")
        )
        return (macro, head)
    }
}
