/// How a run of statements ended.
enum Flow { case breakLoop, continueLoop, normal }

extension Renderer {
    func execute(_ statements: [Statement]) throws(Fault) -> Flow {
        for statement in statements {
            line = statement.line
            let flow = try nested { () throws(Fault) in try self.execute(statement) }
            guard flow == .normal else { return flow }
        }
        return .normal
    }

    private func execute(_ statement: Statement) throws(Fault) -> Flow {
        switch statement.kind {
        case .text(let text): try write(text)
        case .output(let expression): try write(try string(of: try evaluate(expression)))
        case .assign(let target, let expression): try assign(try evaluate(expression), to: target)
        case .assignBlock(let target, let filter, let body): return try executeAssignBlock(target, filter, body)
        case .branch(let branches, let otherwise): return try executeBranch(branches, otherwise)
        case .loop(let loop): return try executeLoop(loop)
        case .macro(let macro):
            if let name = macro.name { scope.names[name] = heap.addMacro(macro, in: scope) }
        case .callBlock(let macro, let callee, let arguments): try executeCallBlock(macro, callee, arguments)
        case .filterBlock(let filter, let body): return try executeFilterBlock(filter, body)
        case .with(let assignments, let body): return try executeWith(assignments, body)
        case .generation(let body): _ = try inScope(Scope(parent: scope)) { () throws(Fault) in try self.execute(body) }
        case .breakLoop: return .breakLoop
        case .continueLoop: return .continueLoop
        }
        return .normal
    }

    private func executeBranch(_ branches: [(test: Expression, body: [Statement])], _ otherwise: [Statement])
        throws(Fault) -> Flow
    {
        for branch in branches where try evaluate(branch.test).isTruthy { return try execute(branch.body) }
        return try execute(otherwise)
    }

    /// Renders `body` aside; nil when a `break` or `continue` leaves it.
    private func captureBody(_ body: [Statement]) throws(Fault) -> (text: Text, flow: Flow) {
        var flow = Flow.normal
        let text = try capturing { () throws(Fault) in
            flow = try self.inScope(Scope(parent: self.scope)) { () throws(Fault) in try self.execute(body) }
        }
        return (text, flow)
    }

    private func executeAssignBlock(_ target: Target, _ filter: Expression?, _ body: [Statement]) throws(Fault) -> Flow
    {
        let (text, flow) = try captureBody(body)
        guard flow == .normal else { return flow }
        let value = try filter.map { (filter) throws(Fault) in try self.evaluate(filter, on: text) } ?? .string(text)
        try assign(value, to: target)
        return .normal
    }

    private func executeFilterBlock(_ filter: Expression, _ body: [Statement]) throws(Fault) -> Flow {
        let (text, flow) = try captureBody(body)
        guard flow == .normal else { return flow }
        try write(try string(of: try evaluate(filter, on: text)))
        return .normal
    }

    private func executeWith(_ assignments: [(Target, Expression)], _ body: [Statement]) throws(Fault) -> Flow {
        let inner = Scope(parent: scope)
        for (target, expression) in assignments {
            let value = try evaluate(expression)
            try inScope(inner) { () throws(Fault) in try self.assign(value, to: target) }
        }
        return try inScope(inner) { () throws(Fault) in try self.execute(body) }
    }

    private func executeCallBlock(_ macro: Macro, _ callee: Expression, _ arguments: CallArguments) throws(Fault) {
        let caller = heap.addMacro(macro, in: scope)
        let function = try evaluate(callee)
        var values = try evaluate(arguments, of: "call")
        values.named.append(("caller", caller))
        try write(try string(of: try call(function, values)))
    }

    func assign(_ value: Value, to target: Target) throws(Fault) {
        switch target {
        case .name(let name): scope.names[name] = value
        case .attribute(let name, let attribute):
            guard case .object(let reference)? = scope.value(of: name), reference.kind == .namespace else {
                throw .evaluation("cannot assign attribute on non-namespace object")
            }
            try heap.namespaces[reference.index].set(.string(attribute), to: value)
        case .tuple(let targets): try unpack(value, into: targets)
        }
    }

    private func unpack(_ value: Value, into targets: [Target]) throws(Fault) {
        let values = try elements(of: value)
        guard values.count >= targets.count else {
            throw .evaluation("not enough values to unpack (expected \(targets.count), got \(values.count))")
        }
        guard values.count == targets.count else {
            throw .evaluation("too many values to unpack (expected \(targets.count))")
        }
        for (target, value) in zip(targets, values) { try assign(value, to: target) }
    }
}
