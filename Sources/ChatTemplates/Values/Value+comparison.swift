extension Value {
    /// Python's `bool(value)` for everything but heap objects, which are true.
    var isTruthy: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let bool): bool
        case .integer(let integer): integer != 0
        case .float(let float): float != 0
        case .string(let text): !text.isEmpty
        case .list(let items), .tuple(let items): !items.values.isEmpty
        case .dictionary(let dictionary): dictionary.count > 0
        case .view(let view): view.count > 0
        case .range(let range): range.count > 0
        case .function, .method, .object: true
        }
    }

    /// A number as an integer when it is one or a bool.
    var integerValue: Int? {
        switch self {
        case .bool(let bool): bool ? 1 : 0
        case .integer(let integer): integer
        default: nil
        }
    }

    /// A number as a float.
    var floatValue: Double? {
        if case .float(let float) = self { float } else { integerValue.map(Double.init) }
    }

    /// Python's `==`.
    func equals(_ other: Value) -> Bool {
        switch (self, other) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.string(let left), .string(let right)): return left == right
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            return Self.areEqual(left.values, right.values)
        case (.dictionary(let left), .dictionary(let right)): return left.equals(right)
        case (.view(.keys(let left)), .view(.keys(let right))):
            return left.count == right.count && left.keys.allSatisfy { key in right.keys.contains { $0.equals(key) } }
        case (.range(let left), .range(let right)):
            return left.count == right.count && (left.count == 0 || left.start == right.start)
                && (left.count <= 1 || left.step == right.step)
        case (.function(let left), .function(let right)): return left == right
        case (.object(let left), .object(let right)): return left == right
        default: return equalsNumber(other)
        }
    }

    private func equalsNumber(_ other: Value) -> Bool {
        if let left = integerValue, let right = other.integerValue { return left == right }
        // An integer too long for a double's fraction must not be rounded into equality.
        if case .float(let left) = self, let right = other.integerValue { return Int(exactly: left) == right }
        if let left = integerValue, case .float(let right) = other { return Int(exactly: right) == left }
        guard case .float(let left) = self, case .float(let right) = other else { return false }
        return left == right
    }

    static func areEqual(_ left: [Value], _ right: [Value]) -> Bool {
        left.count == right.count && zip(left, right).allSatisfy { $0.equals($1) }
    }

    /// Python's `<`, `<=`, `>` and `>=`.
    enum Ordering: String {
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="

        func holds<T: Comparable>(_ left: T, _ right: T) -> Bool {
            switch self {
            case .less: left < right
            case .lessOrEqual: left <= right
            case .greater: left > right
            case .greaterOrEqual: left >= right
            }
        }
    }

    func compare(_ ordering: Ordering, _ other: Value) throws(Fault) -> Bool {
        if case .undefined(let undefined) = self { throw undefined.fault }
        if case .undefined(let undefined) = other { throw undefined.fault }
        switch (self, other) {
        case (.string(let left), .string(let right)):
            let order = left == right ? 0 : left < right ? -1 : 1
            return ordering.holds(order, 0)
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            return try Self.compare(left.values, ordering, right.values)
        default: break
        }
        if let left = integerValue, let right = other.integerValue { return ordering.holds(left, right) }
        if let left = floatValue, let right = other.floatValue { return ordering.holds(left, right) }
        throw .evaluation(
            "'\(ordering.rawValue)' not supported between instances of '\(typeName)' and '\(other.typeName)'"
        )
    }

    private static func compare(_ left: [Value], _ ordering: Ordering, _ right: [Value]) throws(Fault) -> Bool {
        for (first, second) in zip(left, right) where !first.equals(second) {
            return try first.compare(ordering, second)
        }
        return ordering.holds(left.count, right.count)
    }
}

extension ValueDictionary {
    func equals(_ other: ValueDictionary) -> Bool {
        guard count == other.count else { return false }
        for (key, value) in zip(keys, values) {
            guard let match = try? other.value(for: key), match.equals(value) else { return false }
        }
        return true
    }
}
