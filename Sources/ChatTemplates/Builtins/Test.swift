/// The tests behind `is`.
enum Test {
    typealias Function = @Sendable (Value, inout Arguments, Renderer) throws(Fault) -> Bool

    static func exists(_ name: String) -> Bool { kinds[name] != nil || comparisons[name] != nil }

    static func apply(_ name: String, _ value: Value, _ arguments: Arguments, _ renderer: Renderer) throws(Fault)
        -> Bool
    {
        var arguments = arguments
        let result: Bool
        if let comparison = comparisons[name] {
            result = try renderer.holds(value, comparison, try arguments.require())
        } else if let kind = kinds[name] {
            result = try kind(value, &arguments, renderer)
        } else {
            throw .evaluation("No test named '\(name)'.")
        }
        try arguments.finish()
        return result
    }

    private static let kinds: [String: Function] = [
        "defined": { (value, _, _) throws(Fault) in !value.isUndefined },
        "undefined": { (value, _, _) throws(Fault) in value.isUndefined },
        "none": { (value, _, _) throws(Fault) in if case .none = value { true } else { false } },
        "boolean": { (value, _, _) throws(Fault) in if case .bool = value { true } else { false } },
        "true": { (value, _, _) throws(Fault) in if case .bool(true) = value { true } else { false } },
        "false": { (value, _, _) throws(Fault) in if case .bool(false) = value { true } else { false } },
        "integer": { (value, _, _) throws(Fault) in if case .integer = value { true } else { false } },
        "float": { (value, _, _) throws(Fault) in if case .float = value { true } else { false } },
        "number": { (value, _, _) throws(Fault) in value.floatValue != nil },
        "string": { (value, _, _) throws(Fault) in if case .string = value { true } else { false } },
        "mapping": { (value, _, _) throws(Fault) in if case .dictionary = value { true } else { false } },
        "escaped": { (value, _, _) throws(Fault) in if case .string(let text) = value { text.isMarkup } else { false }
        },
        "iterable": { (value, _, _) throws(Fault) in isIterable(value) },
        "sequence": { (value, _, _) throws(Fault) in isSequence(value) },
        "callable": { (value, _, _) throws(Fault) in isCallable(value) },
        "lower": { (value, _, renderer) throws(Fault) in try renderer.string(of: value).isLower },
        "upper": { (value, _, renderer) throws(Fault) in try renderer.string(of: value).isUpper },
        "filter": { (value, _, _) throws(Fault) in
            if case .string(let name) = value { Filter.support(of: name.string) != nil } else { false }
        },
        "test": { (value, _, _) throws(Fault) in
            if case .string(let name) = value { exists(name.string) } else { false }
        },
        "odd": { (value, _, renderer) throws(Fault) in
            try renderer.binary(.modulo, value, .integer(2)).equals(.integer(1))
        },
        "even": { (value, _, renderer) throws(Fault) in
            try renderer.binary(.modulo, value, .integer(2)).equals(.integer(0))
        },
        "divisibleby": { (value, arguments, renderer) throws(Fault) in
            try renderer.binary(.modulo, value, try arguments.require("num")).equals(.integer(0))
        },
        "sameas": { (value, arguments, _) throws(Fault) in isSame(value, try arguments.require("other")) },
    ]

    private static let comparisons: [String: ComparisonOperator] = [
        "!=": .notEqual, "ne": .notEqual, "==": .equal, "eq": .equal, "equalto": .equal,
        "<": .less, "lt": .less, "lessthan": .less, "<=": .lessOrEqual, "le": .lessOrEqual,
        ">": .greater, "gt": .greater, "greaterthan": .greater, ">=": .greaterOrEqual, "ge": .greaterOrEqual,
        "in": .contains,
    ]

    private static func isIterable(_ value: Value) -> Bool {
        switch value {
        case .undefined, .string, .list, .tuple, .dictionary, .view, .range: true
        case .object(let reference): reference.kind == .generator || reference.kind == .loop
        case .none, .bool, .integer, .float, .function, .method: false
        }
    }

    private static func isSequence(_ value: Value) -> Bool {
        switch value {
        case .undefined, .string, .list, .tuple, .dictionary, .range: true
        default: false
        }
    }

    private static func isCallable(_ value: Value) -> Bool {
        switch value {
        case .undefined, .function, .method: true
        case .object(let reference): [.macro, .joiner, .loop].contains(reference.kind)
        default: false
        }
    }

    /// Identity: of singletons, of things with state, and of small equal values, which Python shares.
    private static func isSame(_ value: Value, _ other: Value) -> Bool {
        switch (value, other) {
        case (.none, .none): true
        case (.bool(let left), .bool(let right)): left == right
        case (.integer(let left), .integer(let right)): left == right
        case (.string(let left), .string(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        case (.function(let left), .function(let right)): left == right
        default: false
        }
    }
}
