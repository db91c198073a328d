extension Parser {
    /// Reads statements up to a tag named in `ends`, whose name is then the current token; without `ends` to the end
    /// of the template.
    mutating func parseBody(until ends: [String]) throws(ChatTemplateError) -> [Statement] {
        var body: [Statement] = []
        while true {
            let token = current
            switch token.kind {
            case .data(let text):
                advance()
                body.append(Statement(kind: .text(text), line: token.line))
            case .variableBegin:
                advance()
                body.append(Statement(kind: .output(try parseTuple()), line: token.line))
                try expect(.variableEnd)
            case .blockBegin:
                advance()
                if case .name(let name) = current.kind, ends.contains(name) { return body }
                body.append(contentsOf: try parseStatement(ends))
                try expect(.blockEnd)
            case .end:
                guard ends.isEmpty else { throw unexpectedEnd(ends) }
                return body
            default: throw fail("unexpected '\(token.description)'")
            }
        }
    }

    /// Reads the body of a block statement: the rest of the tag, then statements up to one of `ends`, consumed.
    mutating func parseBlock(until ends: [String]) throws(ChatTemplateError) -> (body: [Statement], end: String) {
        _ = skip(symbol: ":")
        try expect(.blockEnd)
        let body = try nested { parser throws(ChatTemplateError) in try parser.parseBody(until: ends) }
        return (body, try expectName())
    }

    private func unexpectedEnd(_ ends: [String]) -> ChatTemplateError {
        let wanted = ends.map { "'\($0)'" }.joined(separator: " or ")
        return fail("Unexpected end of template. Jinja was looking for the following tags: \(wanted).")
    }

    private mutating func parseStatement(_ ends: [String]) throws(ChatTemplateError) -> [Statement] {
        guard case .name(let name) = current.kind else { throw fail("tag name expected") }
        let line = current.line
        advance()
        if name == "print" { return try parsePrint(line) }
        return [Statement(kind: try parseTag(name, line, ends), line: line)]
    }

    private mutating func parseTag(_ name: String, _ line: Int, _ ends: [String]) throws(ChatTemplateError)
        -> Statement.Kind
    {
        switch name {
        case "for": return try parseLoop()
        case "if": return try parseBranches()
        case "set": return try parseSet()
        case "macro": return try parseMacro()
        case "call": return try parseCallBlock(line)
        case "filter": return try parseFilterBlock()
        case "with": return try parseWith()
        case "generation": return .generation(try parseFunctionBody(until: "endgeneration").body)
        case "break", "continue":
            guard openLoops.last != 0 else { throw fail("'\(name)' outside loop", line: line) }
            return name == "break" ? .breakLoop : .continueLoop
        case "autoescape", "block", "extends", "from", "import", "include":
            throw unsupported("the tag '\(name)'", line)
        default:
            let wanted = ends.map { "'\($0)'" }.joined(separator: " or ")
            let hint = ends.isEmpty ? "" : " Jinja was looking for the following tags: \(wanted)."
            throw fail("Encountered unknown tag '\(name)'.\(hint)", line: line)
        }
    }

    private mutating func parsePrint(_ line: Int) throws(ChatTemplateError) -> [Statement] {
        var outputs: [Statement] = []
        while current.kind != .blockEnd {
            if !outputs.isEmpty { try expect(.symbol(",")) }
            outputs.append(Statement(kind: .output(try parseExpression()), line: line))
        }
        return outputs
    }

    private mutating func parseLoop() throws(ChatTemplateError) -> Statement.Kind {
        let line = current.line
        let target = try parseTarget(stop: "in", allowsAttribute: false)
        if target.binds("loop") { throw fail("Can't assign to special loop variable in for-loop", line: line) }
        try expect(.name("in"))
        let iterable = try parseTuple(allowsConditional: false, stop: "recursive")
        let filter = skip(name: "if") ? try parseExpression() : nil
        let isRecursive = skip(name: "recursive")
        openLoops[openLoops.count - 1] += 1
        let (body, end) = try parseBlock(until: ["endfor", "else"])
        openLoops[openLoops.count - 1] -= 1
        let otherwise = end == "else" ? try parseBlock(until: ["endfor"]).body : []
        return .loop(
            Loop(
                target: target,
                iterable: iterable,
                filter: filter,
                isRecursive: isRecursive,
                body: body,
                otherwise: otherwise
            )
        )
    }

    private mutating func parseBranches() throws(ChatTemplateError) -> Statement.Kind {
        var branches: [(test: Expression, body: [Statement])] = []
        while true {
            let test = try parseTuple(allowsConditional: false)
            let (body, end) = try parseBlock(until: ["elif", "else", "endif"])
            branches.append((test, body))
            if end == "elif" { continue }
            let otherwise = end == "else" ? try parseBlock(until: ["endif"]).body : []
            return .branch(branches, otherwise: otherwise)
        }
    }

    private mutating func parseSet() throws(ChatTemplateError) -> Statement.Kind {
        let target = try parseTarget(allowsAttribute: true)
        if skip(symbol: "=") { return .assign(target, try parseTuple()) }
        var filter: Expression?
        while skip(symbol: "|") { filter = try parseFilter(filter) }
        return .assignBlock(target, filter: filter, try parseBlock(until: ["endset"]).body)
    }

    private mutating func parseFilterBlock() throws(ChatTemplateError) -> Statement.Kind {
        var filter = try parseFilter(nil)
        while skip(symbol: "|") { filter = try parseFilter(filter) }
        return .filterBlock(filter, try parseBlock(until: ["endfilter"]).body)
    }

    private mutating func parseWith() throws(ChatTemplateError) -> Statement.Kind {
        var assignments: [(Target, Expression)] = []
        while current.kind != .blockEnd {
            if !assignments.isEmpty { try expect(.symbol(",")) }
            let target = try parseTarget(allowsAttribute: false)
            try expect(.symbol("="))
            assignments.append((target, try parseExpression()))
        }
        return .with(assignments, try parseBlock(until: ["endwith"]).body)
    }
}

extension Target {
    func binds(_ wanted: String) -> Bool {
        switch self {
        case .name(let name): name == wanted
        case .attribute: false
        case .tuple(let targets): targets.contains { $0.binds(wanted) }
        }
    }
}
