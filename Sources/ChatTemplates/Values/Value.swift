/// What an expression of a template evaluates to.
///
/// Python values without mutation; things with state are ids of the
/// renderer's heap, so that values never form reference cycles.
enum Value: Sendable {
    case undefined(Undefined)
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case string(Text)
    case list(Items)
    case tuple(Items)
    case dictionary(ValueDictionary)
    case view(DictionaryView)
    case range(IntegerRange)
    case function(GlobalFunction)
    case method(BoundMethod)
    case object(HeapReference)
}

/// A value that is missing, and what to say when it is used nevertheless.
enum Undefined: Sendable {
    case name(String)
    case attribute(String, ofType: String)
    case element(String, ofType: String)
    case hint(String)
    case forbidden(String, ofType: String)

    var fault: Fault {
        switch self {
        case .name(let name): .undefined("'\(name)' is undefined")
        case .attribute(let name, let type): .undefined("'\(type) object' has no attribute '\(name)'")
        case .element(let key, let type): .undefined("\(type) object has no element \(key)")
        case .hint(let hint): .undefined(hint)
        case .forbidden(let name, let type):
            .forbidden("access to attribute '\(name)' of '\(type)' object is unsafe.")
        }
    }
}

/// The elements of a list or tuple, and how large and how deep they are.
struct Items: Sendable {
    let values: [Value]
    let extent: Extent
    /// The pairs made by `groupby` also answer to `grouper` and `list`.
    var isGroup = false

    /// - Throws: when the elements nest too deep or are too large together.
    init(_ values: [Value]) throws(Fault) {
        self.values = values
        var extent = Extent.one
        for value in values { try extent.contain(value.extent) }
        self.extent = extent
    }
}

enum DictionaryView: Sendable {
    case keys(ValueDictionary)
    case values(ValueDictionary)
    case items(ValueDictionary)

    var count: Int {
        switch self {
        case .keys(let dictionary), .values(let dictionary), .items(let dictionary): dictionary.count
        }
    }
}

/// `range(start, stop, step)`; `count` is at most `IntegerRange.maxCount`.
struct IntegerRange: Sendable, Hashable {
    /// The sandbox's bound on the length of a range.
    static let maxCount = 100_000

    let start: Int
    let stop: Int
    let step: Int
    let count: Int

    subscript(index: Int) -> Int { start + index * step }

    /// - Throws: when the range is too long, or an end of it beyond 64 bits.
    static func make(start: Int, step: Int, count: Int) throws(Fault) -> Value {
        guard count <= maxCount else {
            throw .evaluation("Range too big. The sandbox blocks ranges larger than MAX_RANGE (\(maxCount)).")
        }
        let length = step.multipliedReportingOverflow(by: count)
        let stop = start.addingReportingOverflow(length.partialValue)
        guard !length.overflow, !stop.overflow else { throw .integerOverflow }
        return .range(IntegerRange(start: start, stop: stop.partialValue, step: step, count: count))
    }
}

/// A method of a value, taken but not yet called.
struct BoundMethod: Sendable {
    enum Receiver: Sendable {
        case string(Text)
        case list(Items)
        case tuple(Items)
        case dictionary(ValueDictionary)
        case range(IntegerRange)
        case object(HeapReference)
    }

    let receiver: Receiver
    let name: String
}

extension BoundMethod.Receiver {
    fileprivate var extent: Extent {
        switch self {
        case .range, .object: .one
        case .string(let text): Extent(of: text)
        case .list(let items), .tuple(let items): items.extent
        case .dictionary(let dictionary): dictionary.extent
        }
    }
}

/// A thing with state or identity that lives as long as the rendering.
struct HeapReference: Sendable, Hashable {
    enum Kind: Sendable { case cycler, generator, joiner, loop, macro, namespace }

    let kind: Kind
    let index: Int
}

extension Value {
    var extent: Extent {
        switch self {
        case .string(let text): return Extent(of: text)
        case .list(let items), .tuple(let items): return items.extent
        case .dictionary(let dictionary), .view(.keys(let dictionary)), .view(.values(let dictionary)),
            .view(.items(let dictionary)):
            return dictionary.extent
        case .method(let method):
            var extent = method.receiver.extent
            extent.depth += 1
            return extent
        default: return .one
        }
    }

    static func string(_ string: String) -> Value { .string(Text(string)) }

    static func list(_ values: [Value]) throws(Fault) -> Value { .list(try Items(values)) }

    static func tuple(_ values: [Value]) throws(Fault) -> Value { .tuple(try Items(values)) }

    var isUndefined: Bool {
        if case .undefined = self { true } else { false }
    }

    /// Python's name of the type, for messages.
    var typeName: String {
        switch self {
        case .undefined: "Undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .integer: "int"
        case .float: "float"
        case .string(let text): text.isMarkup ? "Markup" : "str"
        case .list: "list"
        case .tuple: "tuple"
        case .dictionary: "dict"
        case .view(.keys): "dict_keys"
        case .view(.values): "dict_values"
        case .view(.items): "dict_items"
        case .range: "range"
        case .function: "function"
        case .method: "builtin_function_or_method"
        case .object(let reference): reference.kind.typeName
        }
    }
}

extension HeapReference.Kind {
    var typeName: String {
        switch self {
        case .cycler: "Cycler"
        case .generator: "generator"
        case .joiner: "Joiner"
        case .loop: "LoopContext"
        case .macro: "Macro"
        case .namespace: "Namespace"
        }
    }
}
