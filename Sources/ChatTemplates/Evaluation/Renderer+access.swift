extension Renderer {
    /// `value.name`: a method or attribute first, then a dictionary's entry.
    func attribute(_ name: String, of value: Value) throws(Fault) -> Value {
        if case .undefined(let undefined) = value { throw undefined.fault }
        if let member = member(name, of: value) { return member }
        if case .dictionary(let dictionary) = value, let found = dictionary.value(for: name) { return found }
        return .undefined(.attribute(name, ofType: value.typeName))
    }

    /// `value[key]`: an entry or element first, then a method or attribute.
    func item(_ key: Value, of value: Value) throws(Fault) -> Value {
        if case .undefined(let undefined) = value { throw undefined.fault }
        if let found = try element(key, of: value) { return found }
        guard case .string(let name) = key else {
            return .undefined(.element(try representation(of: key).string, ofType: value.typeName))
        }
        return member(name.string, of: value) ?? .undefined(.attribute(name.string, ofType: value.typeName))
    }

    private func element(_ key: Value, of value: Value) throws(Fault) -> Value? {
        if case .dictionary(let dictionary) = value {
            try charge(walking: key)
            // An unhashable key is no error here, only a missing entry.
            return try? dictionary.value(for: key)
        }
        guard let index = key.integerValue else { return nil }
        switch value {
        case .string(let text): return place(index, text.count).map { .string(Text([text.scalars[$0]])) }
        case .list(let items), .tuple(let items): return place(index, items.values.count).map { items.values[$0] }
        case .range(let range): return place(index, range.count).map { .integer(range[$0]) }
        default: return nil
        }
    }

    /// An index counted from the end when negative; nil when out of bounds.
    private func place(_ index: Int, _ count: Int) -> Int? {
        let place = index < 0 ? index + count : index
        return (0..<count).contains(place) ? place : nil
    }

    /// What Python's `getattr` finds on the value itself.
    private func member(_ name: String, of value: Value) -> Value? {
        if Self.specialNames.contains(name) { return .undefined(.forbidden(name, ofType: value.typeName)) }
        switch value {
        case .string(let text): return StringMethod(rawValue: name).map { _ in method(.string(text), name) }
        case .list(let items):
            if ["index", "count", "copy"].contains(name) { return method(.list(items), name) }
            let changes = ["append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"]
            return changes.contains(name) ? .undefined(.forbidden(name, ofType: "list")) : nil
        case .tuple(let items): return tupleMember(name, items)
        case .dictionary(let dictionary):
            if ["get", "items", "keys", "values", "copy"].contains(name) {
                return method(.dictionary(dictionary), name)
            }
            let changes = ["clear", "pop", "popitem", "setdefault", "update"]
            return changes.contains(name) ? .undefined(.forbidden(name, ofType: "dict")) : nil
        case .range(let range): return rangeMember(name, range)
        case .object(let reference): return member(name, of: reference)
        case .bool, .integer, .float: return numberMember(name, value)
        default: return nil
        }
    }

    private func numberMember(_ name: String, _ value: Value) -> Value? {
        if case .float(let float) = value { return name == "real" ? .float(float) : name == "imag" ? .float(0) : nil }
        switch name {
        case "real", "numerator": return value.integerValue.map { .integer($0) }
        case "imag": return .integer(0)
        case "denominator": return .integer(1)
        default: return nil
        }
    }

    private static let specialNames: Set<String> = [
        "__class__", "__contains__", "__delattr__", "__dir__", "__doc__", "__eq__", "__format__", "__ge__",
        "__getattribute__", "__getstate__", "__gt__", "__hash__", "__init__", "__init_subclass__", "__le__", "__lt__",
        "__ne__", "__new__", "__reduce__", "__reduce_ex__", "__repr__", "__setattr__", "__sizeof__", "__str__",
        "__subclasshook__",
    ]

    private func method(_ receiver: BoundMethod.Receiver, _ name: String) -> Value {
        .method(BoundMethod(receiver: receiver, name: name))
    }

    private func tupleMember(_ name: String, _ items: Items) -> Value? {
        if items.isGroup, name == "grouper" { return items.values[0] }
        if items.isGroup, name == "list" { return items.values[1] }
        return ["index", "count"].contains(name) ? method(.tuple(items), name) : nil
    }

    private func rangeMember(_ name: String, _ range: IntegerRange) -> Value? {
        switch name {
        case "start": .integer(range.start)
        case "stop": .integer(range.stop)
        case "step": .integer(range.step)
        case "index", "count": method(.range(range), name)
        default: nil
        }
    }

    private func member(_ name: String, of reference: HeapReference) -> Value? {
        switch reference.kind {
        case .loop: return loopAttribute(name, reference)
        case .namespace: return heap.namespaces[reference.index].value(for: name)
        case .cycler:
            let cycler = heap.cyclers[reference.index]
            if name == "current" { return cycler.items[cycler.position] }
            return ["next", "reset"].contains(name) ? method(.object(reference), name) : nil
        case .joiner: return name == "sep" ? heap.joiners[reference.index].separator : nil
        case .macro: return macroMember(name, heap.macros[reference.index].macro)
        case .generator: return nil
        }
    }

    private func macroMember(_ name: String, _ macro: Macro) -> Value? {
        switch name {
        case "name": macro.name.map { .string($0) } ?? Value.none
        case "arguments": try? .tuple(macro.parameters.map { .string($0.name) })
        case "caller": .bool(macro.usesCaller)
        case "catch_kwargs": .bool(macro.usesKwargs)
        case "catch_varargs": .bool(macro.usesVarargs)
        default: nil
        }
    }

    private func drain(_ reference: HeapReference) throws(Fault) -> [Value] {
        let generator = try run(reference)
        heap.generators[reference.index] = .values([], position: 0)
        return Array(generator.values.dropFirst(generator.position))
    }

    /// All values of a generator and how many of them are taken; computes them if nothing has yet.
    func run(_ reference: HeapReference) throws(Fault) -> (values: [Value], position: Int) {
        switch heap.generators[reference.index] {
        case .values(let values, let position): return (values, position)
        case .pending(let make):
            heap.generators[reference.index] = .values([], position: 0)
            let values = try nested { () throws(Fault) in try make(self) }
            heap.generators[reference.index] = .values(values, position: 0)
            return (values, 0)
        }
    }

    /// The elements a loop over `value` visits; empties a generator.
    func elements(of value: Value) throws(Fault) -> [Value] {
        switch value {
        case .undefined: return []
        case .string(let text):
            try charge(text.count)
            return text.scalars.map { .string(Text([$0])) }
        case .list(let items), .tuple(let items): return items.values
        case .dictionary(let dictionary), .view(.keys(let dictionary)): return dictionary.keys
        case .view(.values(let dictionary)): return dictionary.values
        case .view(.items(let dictionary)):
            try charge(dictionary.count)
            return try dictionary.items()
        case .range(let range):
            try charge(elements: range.count)
            return (0..<range.count).map { .integer(range[$0]) }
        case .object(let reference) where reference.kind == .generator:
            return try drain(reference)
        case .none, .bool, .integer, .float, .function, .method, .object: throw .notIterable(value)
        }
    }
}
