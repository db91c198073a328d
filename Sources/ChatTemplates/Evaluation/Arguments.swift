/// The values a function, filter or test is called with; taken in the order of its parameters.
struct Arguments {
    /// What is called, for messages.
    var callee: String
    var positional: [Value] = []
    var named: [(name: String, value: Value)] = []
    private var position = 0

    init(callee: String, positional: [Value] = [], named: [(name: String, value: Value)] = []) {
        self.callee = callee
        self.positional = positional
        self.named = named
    }

    /// The next parameter's value; nil when the caller leaves it out.
    ///
    /// - Parameter name: under which it may also be given; nil for a positional-only parameter.
    mutating func take(_ name: String? = nil) -> Value? {
        if position < positional.count {
            position += 1
            return positional[position - 1]
        }
        return name.flatMap { takeNamed($0) }
    }

    mutating func takeNamed(_ name: String) -> Value? {
        guard let index = named.firstIndex(where: { $0.name == name }) else { return nil }
        return named.remove(at: index).value
    }

    mutating func require(_ name: String? = nil) throws(Fault) -> Value {
        guard let value = take(name) else {
            throw .evaluation("\(callee)() missing required argument\(name.map { ": '\($0)'" } ?? "")")
        }
        return value
    }

    /// Refuses what no parameter took.
    mutating func finish() throws(Fault) {
        guard position >= positional.count else {
            throw .evaluation("\(callee)() takes at most \(position) arguments (\(positional.count) given)")
        }
        if let extra = named.first {
            throw .evaluation("\(callee)() got an unexpected keyword argument '\(extra.name)'")
        }
    }

    /// All values not taken yet.
    mutating func takeRest() -> Arguments {
        defer {
            position = positional.count
            named.removeAll()
        }
        return Arguments(callee: callee, positional: Array(positional.dropFirst(position)), named: named)
    }

    mutating func takeInteger(_ name: String? = nil) throws(Fault) -> Int? {
        guard let value = take(name) else { return nil }
        guard let integer = value.integerValue else {
            if case .undefined(let undefined) = value { throw undefined.fault }
            throw .evaluation("'\(value.typeName)' object cannot be interpreted as an integer")
        }
        return integer
    }

    /// A string; none counts as left out.
    mutating func takeText(_ name: String? = nil) throws(Fault) -> Text? {
        switch take(name) {
        case nil, Value.none?: return nil
        case .string(let text)?: return text
        case let other?: throw .evaluation("\(callee)() argument must be str, not \(other.typeName)")
        }
    }

    mutating func takeFlag(_ name: String? = nil) -> Bool { take(name)?.isTruthy ?? false }

    /// The optional `start` and `end` of `find`, `count`, `index` and so on, as places among `count` elements.
    mutating func takeSliceBounds(count: Int) throws(Fault) -> Range<Int> {
        let start = try takeBound(count: count) ?? 0
        let end = min(try takeBound(count: count) ?? count, count)
        // A start beyond the end is an empty range there, where not even an empty text is found.
        return start <= end ? start..<end : Int.max..<Int.max
    }

    private mutating func takeBound(count: Int) throws(Fault) -> Int? {
        switch take() {
        case nil, Value.none?: return nil
        case let value?:
            guard let index = value.integerValue else {
                throw .evaluation("slice indices must be integers or None or have an __index__ method")
            }
            return index < 0 ? max(0, index.addingReportingOverflow(count).partialValue) : index
        }
    }
}
