extension Filter {
    static let mappings: [String: Function] = [
        "attr": { (value, arguments, renderer) throws(Fault) in try attribute(value, &arguments, renderer) },
        "dictsort": { (value, arguments, renderer) throws(Fault) in try sortEntries(value, &arguments, renderer) },
        "groupby": { (value, arguments, renderer) throws(Fault) in try group(value, &arguments, renderer) },
        "items": { (value, _, renderer) throws(Fault) in try entries(value, renderer) },
        "xmlattr": { (value, arguments, renderer) throws(Fault) in try xmlAttributes(value, &arguments, renderer) },
    ]

    /// An attribute of the value itself, never an entry of a dictionary.
    private static func attribute(_ value: Value, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault)
        -> Value
    {
        let name = try arguments.require("name")
        guard case .string(let text) = name else { throw .evaluation("attribute name must be string") }
        if case .dictionary = value {
            return try renderer.attribute(text.string, of: .dictionary(ValueDictionary()))
        }
        return try renderer.attribute(text.string, of: value)
    }

    private static func mapping(_ value: Value) throws(Fault) -> ValueDictionary {
        switch value {
        case .dictionary(let dictionary): return dictionary
        case .undefined(let undefined): throw undefined.fault
        default: throw .evaluation("'\(value.typeName)' object has no attribute 'items'")
        }
    }

    private static func entries(_ value: Value, _ renderer: Renderer) throws(Fault) -> Value {
        renderer.heap.addGenerator { (renderer) throws(Fault) in
            if value.isUndefined { return [] }
            guard case .dictionary(let dictionary) = value else {
                throw .evaluation("Can only get item pairs from a mapping.")
            }
            try renderer.charge(elements: dictionary.count)
            return try dictionary.items()
        }
    }

    private static func sortEntries(_ value: Value, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault)
        -> Value
    {
        let isCaseSensitive = arguments.takeFlag("case_sensitive")
        let by = try arguments.takeText("by")?.string ?? "key"
        let isDescending = arguments.takeFlag("reverse")
        guard by == "key" || by == "value" else {
            throw .evaluation("You can only sort by either \"key\" or \"value\"")
        }
        let dictionary = try mapping(value)
        let keys = by == "key" ? dictionary.keys : dictionary.values
        let order = try Sorting.order(
            of: isCaseSensitive ? keys : keys.map(ignoringCase),
            descending: isDescending,
            renderer
        )
        let items = try dictionary.items()
        return try .list(order.map { items[$0] })
    }

    private static func group(_ value: Value, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault) -> Value
    {
        let path = try AttributePath(try arguments.require("attribute"))
        let standard = arguments.take("default").flatMap { $0.isNone ? nil : $0 }
        let isCaseSensitive = arguments.takeFlag("case_sensitive")
        let values = try renderer.elements(of: value)
        var keys: [Value] = []
        for value in values {
            keys.append(try path.key(in: value, isCaseSensitive: isCaseSensitive, standard: standard, renderer))
        }
        var groups: [(key: Value, members: [Value])] = []
        for place in try Sorting.order(of: keys, descending: false, renderer) {
            if let last = groups.last, last.key.equals(keys[place]) {
                groups[groups.count - 1].members.append(values[place])
            } else {
                groups.append((keys[place], [values[place]]))
            }
        }
        var result: [Value] = []
        for (_, members) in groups {
            // The group is named as its first member has it, not in lower case.
            let name = try path.value(in: members[0], standard: standard, renderer)
            var pair = try Items([name, try .list(members)])
            pair.isGroup = true
            result.append(.tuple(pair))
        }
        return try .list(result)
    }

    private static func xmlAttributes(_ value: Value, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault)
        -> Value
    {
        let startsWithSpace = arguments.take("autospace")?.isTruthy ?? true
        let dictionary = try mapping(value)
        var result = Text()
        for (key, value) in zip(dictionary.keys, dictionary.values) where !value.isNone && !value.isUndefined {
            let name = try renderer.string(of: key)
            guard
                !name.scalars.contains(where: {
                    $0 == "/" || $0 == ">" || $0 == "=" || ($0.isASCII && $0.isPythonSpace)
                })
            else { throw .evaluation("Invalid character in attribute name: \(Renderer.quoted(name).string)") }
            if !result.isEmpty || startsWithSpace { result.scalars.append(" ") }
            result.scalars += Escape.html(name).scalars + ["=", "\""]
            result.scalars += Escape.html(try renderer.string(of: value)).scalars + ["\""]
        }
        return .string(result)
    }
}
