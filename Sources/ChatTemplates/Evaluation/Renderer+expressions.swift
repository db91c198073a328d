extension Renderer {
    func evaluate(_ expression: Expression) throws(Fault) -> Value {
        switch expression.kind {
        case .literal(let value): return value
        case .name(let name): return lookUp(name)
        default: return try nested { () throws(Fault) in try self.evaluateNode(expression) }
        }
    }

    private func lookUp(_ name: String) -> Value {
        if let value = scope.value(of: name) { return value }
        return GlobalFunction(rawValue: name).map { .function($0) } ?? .undefined(.name(name))
    }

    private func evaluateNode(_ expression: Expression) throws(Fault) -> Value {
        switch expression.kind {
        case .literal(let value): return value
        case .name(let name): return lookUp(name)
        case .list(let items): return try .list(try evaluate(items))
        case .tuple(let items): return try .tuple(try evaluate(items))
        case .dictionary(let pairs): return try evaluateDictionary(pairs)
        case .attribute(let subject, let name):
            let value = try evaluate(subject)
            line = expression.line
            return try attribute(name, of: value)
        case .item(let subject, let key):
            let value = try evaluate(subject)
            return try item(try evaluate(key), of: value)
        case .slice(let subject, let slice): return try evaluateSlice(subject, slice)
        case .call(let callee, let arguments): return try evaluateCall(callee, arguments, expression.line)
        case .filter(let subject, let name, let arguments):
            guard let subject else { throw .evaluation("the filter '\(name)' has no subject") }
            return try evaluateFilter(name, try evaluate(subject), arguments, expression.line)
        case .test(let subject, let name, let arguments):
            return try evaluateTest(subject, name, arguments, expression.line)
        case .unary(let operation, let operand): return try unary(operation, try evaluate(operand))
        case .binary(let operation, let left, let right):
            let value = try evaluate(left)
            let other = try evaluate(right)
            line = expression.line
            return try binary(operation, value, other)
        case .concatenation(let parts): return try evaluateConcatenation(parts)
        case .comparison(let first, let rest): return try evaluateComparison(first, rest, expression.line)
        case .and(let left, let right):
            let value = try evaluate(left)
            return value.isTruthy ? try evaluate(right) : value
        case .or(let left, let right):
            let value = try evaluate(left)
            return value.isTruthy ? value : try evaluate(right)
        case .conditional(let test, let then, let otherwise):
            return try evaluateConditional(test, then, otherwise, expression.line)
        }
    }

    private func evaluate(_ expressions: [Expression]) throws(Fault) -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(expressions.count)
        for expression in expressions { values.append(try evaluate(expression)) }
        return values
    }

    private func evaluateDictionary(_ pairs: [(key: Expression, value: Expression)]) throws(Fault) -> Value {
        var dictionary = ValueDictionary()
        for (key, value) in pairs {
            let key = try evaluate(key)
            try charge(walking: key)
            try dictionary.set(key, to: try evaluate(value))
        }
        return .dictionary(dictionary)
    }

    private func evaluateCall(_ callee: Expression, _ arguments: CallArguments, _ line: Int) throws(Fault) -> Value {
        let function = try evaluate(callee)
        let values = try evaluate(arguments, of: function.typeName)
        self.line = line
        return try call(function, values)
    }

    func evaluate(_ arguments: CallArguments, of callee: String) throws(Fault) -> Arguments {
        var values = Arguments(callee: callee, positional: try evaluate(arguments.positional))
        for (name, expression) in arguments.named { values.named.append((name, try evaluate(expression))) }
        if let spread = arguments.spread { values.positional += try elements(of: try evaluate(spread)) }
        if let spread = arguments.namedSpread { try add(try evaluate(spread), to: &values) }
        return values
    }

    private func add(_ mapping: Value, to arguments: inout Arguments) throws(Fault) {
        guard case .dictionary(let dictionary) = mapping else {
            throw .evaluation("argument after ** must be a mapping, not \(mapping.typeName)")
        }
        for (key, value) in zip(dictionary.keys, dictionary.values) {
            guard case .string(let name) = key else { throw .evaluation("keywords must be strings") }
            guard !arguments.named.contains(where: { $0.name == name.string }) else {
                throw .evaluation("got multiple values for keyword argument '\(name.string)'")
            }
            arguments.named.append((name.string, value))
        }
    }

    /// A chain of filters, its innermost one applied to `text`.
    func evaluate(_ filter: Expression, on text: Text) throws(Fault) -> Value {
        guard case .filter(let inner, let name, let arguments) = filter.kind else { return try evaluate(filter) }
        let subject = try inner.map { (inner) throws(Fault) in try self.evaluate(inner, on: text) } ?? .string(text)
        return try evaluateFilter(name, subject, arguments, filter.line)
    }

    private func evaluateFilter(_ name: String, _ subject: Value, _ arguments: CallArguments, _ line: Int)
        throws(Fault) -> Value
    {
        let values = try evaluate(arguments, of: name)
        self.line = line
        return try Filter.apply(name, subject, values, self)
    }

    private func evaluateTest(_ subject: Expression, _ name: String, _ arguments: CallArguments, _ line: Int)
        throws(Fault) -> Value
    {
        let value = try evaluate(subject)
        let values = try evaluate(arguments, of: name)
        self.line = line
        return .bool(try Test.apply(name, value, values, self))
    }

    private func evaluateConditional(_ test: Expression, _ then: Expression, _ otherwise: Expression?, _ line: Int)
        throws(Fault) -> Value
    {
        if try evaluate(test).isTruthy { return try evaluate(then) }
        if let otherwise { return try evaluate(otherwise) }
        let hint = "the inline if-expression on line \(line) evaluated to false and no else section was defined."
        return .undefined(.hint(hint))
    }

    private func evaluateConcatenation(_ parts: [Expression]) throws(Fault) -> Value {
        var texts: [Text] = []
        for value in try evaluate(parts) { texts.append(try string(of: value)) }
        try charge(elements: texts.reduce(0) { $0 + $1.count })
        return .string(Text(texts.flatMap(\.scalars)))
    }

    private func evaluateComparison(_ first: Expression, _ rest: [(ComparisonOperator, Expression)], _ line: Int)
        throws(Fault) -> Value
    {
        var left = try evaluate(first)
        for (operation, expression) in rest {
            let right = try evaluate(expression)
            self.line = line
            guard try holds(left, operation, right) else { return .bool(false) }
            left = right
        }
        return .bool(true)
    }
}
