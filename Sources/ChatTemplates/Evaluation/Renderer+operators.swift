extension Renderer {
    func holds(_ left: Value, _ operation: ComparisonOperator, _ right: Value) throws(Fault) -> Bool {
        try charge(walking: left.extent.weight < right.extent.weight ? left : right)
        return switch operation {
        case .equal: left.equals(right)
        case .notEqual: !left.equals(right)
        case .less: try left.compare(.less, right)
        case .lessOrEqual: try left.compare(.lessOrEqual, right)
        case .greater: try left.compare(.greater, right)
        case .greaterOrEqual: try left.compare(.greaterOrEqual, right)
        case .contains: try contains(left, in: right)
        case .missing: !(try contains(left, in: right))
        }
    }

    /// Python's `element in container`.
    func contains(_ element: Value, in container: Value) throws(Fault) -> Bool {
        switch container {
        case .string(let text):
            guard case .string(let part) = element else {
                throw .evaluation("'in <string>' requires string as left operand, not \(element.typeName)")
            }
            try charge(elements: text.count)
            return text.firstIndex(of: part.scalars) != nil
        case .dictionary(let dictionary), .view(.keys(let dictionary)):
            try charge(walking: element)
            return try dictionary.value(for: element) != nil
        case .undefined: return false
        case .none, .bool, .integer, .float, .function, .method:
            throw .evaluation("argument of type '\(container.typeName)' is not iterable")
        case .object(let reference) where reference.kind != .generator && reference.kind != .namespace:
            throw .evaluation("argument of type '\(container.typeName)' is not iterable")
        case .list, .tuple, .view, .range, .object:
            for candidate in try elements(of: container) {
                try charge(walking: candidate.extent.weight < element.extent.weight ? candidate : element)
                if candidate.equals(element) { return true }
            }
            return false
        }
    }

    func unary(_ operation: UnaryOperator, _ operand: Value) throws(Fault) -> Value {
        if operation == .not { return .bool(!operand.isTruthy) }
        if case .undefined(let undefined) = operand { throw undefined.fault }
        if case .float(let float) = operand { return .float(operation == .minus ? -float : float) }
        guard let integer = operand.integerValue else {
            let symbol = operation == .minus ? "-" : "+"
            throw .evaluation("bad operand type for unary \(symbol): '\(operand.typeName)'")
        }
        guard operation == .minus else { return .integer(integer) }
        guard integer != Int.min else { throw .integerOverflow }
        return .integer(-integer)
    }

    func binary(_ operation: BinaryOperator, _ left: Value, _ right: Value) throws(Fault) -> Value {
        if operation == .modulo, case .string(let format) = left {
            return .string(try PercentFormat.format(format, with: right, self))
        }
        if case .undefined(let undefined) = left { throw undefined.fault }
        if case .undefined(let undefined) = right { throw undefined.fault }
        if let left = left.integerValue, let right = right.integerValue {
            return try Arithmetic.apply(operation, left, right)
        }
        if let left = left.floatValue, let right = right.floatValue {
            return .float(try Arithmetic.apply(operation, left, right))
        }
        switch operation {
        case .add: return try joined(left, right)
        case .multiply: return try repeated(left, right)
        default: throw .unsupportedOperands(operation == .power ? "** or pow()" : operation.rawValue, left, right)
        }
    }

    private func joined(_ left: Value, _ right: Value) throws(Fault) -> Value {
        switch (left, right) {
        case (.string(let first), .string(let second)):
            try charge(elements: first.count + second.count)
            guard first.isMarkup || second.isMarkup else { return .string(first + second) }
            return .string(Text(Escape.html(first).scalars + Escape.html(second).scalars, isMarkup: true))
        case (.list(let first), .list(let second)):
            try charge(elements: first.values.count + second.values.count)
            return try .list(first.values + second.values)
        case (.tuple(let first), .tuple(let second)):
            try charge(elements: first.values.count + second.values.count)
            return try .tuple(first.values + second.values)
        case (.string, _):
            throw .evaluation("can only concatenate str (not \"\(right.typeName)\") to str")
        case (.list, _):
            throw .evaluation("can only concatenate list (not \"\(right.typeName)\") to list")
        default: throw .unsupportedOperands("+", left, right)
        }
    }

    private func repeated(_ left: Value, _ right: Value) throws(Fault) -> Value {
        guard let times = right.integerValue else {
            guard left.integerValue != nil, right.repeats else { throw .unsupportedOperands("*", left, right) }
            return try repeated(right, left)
        }
        switch left {
        case .string(let text):
            try charge(repeating: text.count, times)
            return .string(Text(repeatElement(text.scalars, count: max(0, times)).joined(), isMarkup: text.isMarkup))
        case .list(let items):
            try charge(repeating: items.values.count, times)
            return try .list(Array(repeatElement(items.values, count: max(0, times)).joined()))
        case .tuple(let items):
            try charge(repeating: items.values.count, times)
            return try .tuple(Array(repeatElement(items.values, count: max(0, times)).joined()))
        default: throw .unsupportedOperands("*", left, right)
        }
    }

    private func charge(repeating count: Int, _ times: Int) throws(Fault) {
        // An empty text repeated a trillion times would still be walked a trillion times.
        let (total, overflows) = max(1, count).multipliedReportingOverflow(by: max(0, times))
        guard !overflows else { throw .outputTooLarge(limit: limits.outputBytes) }
        try charge(elements: total)
    }
}

extension Value {
    fileprivate var repeats: Bool {
        switch self {
        case .string, .list, .tuple: true
        default: false
        }
    }
}
