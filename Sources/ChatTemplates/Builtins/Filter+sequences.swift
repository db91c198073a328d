extension Filter {
    static let sequences: [String: Function] = [
        "batch": { (value, arguments, renderer) throws(Fault) in try batch(value, &arguments, renderer) },
        "count": { (value, _, renderer) throws(Fault) in .integer(try length(of: value, renderer)) },
        "d": { (value, arguments, _) throws(Fault) in standard(value, &arguments) },
        "default": { (value, arguments, _) throws(Fault) in standard(value, &arguments) },
        "first": { (value, _, renderer) throws(Fault) in try first(value, renderer) },
        "join": { (value, arguments, renderer) throws(Fault) in try join(value, &arguments, renderer) },
        "last": { (value, _, renderer) throws(Fault) in try last(value, renderer) },
        "length": { (value, _, renderer) throws(Fault) in .integer(try length(of: value, renderer)) },
        "list": { (value, _, renderer) throws(Fault) in try .list(try renderer.elements(of: value)) },
        "max": { (value, arguments, renderer) throws(Fault) in try extreme(.greater, value, &arguments, renderer) },
        "min": { (value, arguments, renderer) throws(Fault) in try extreme(.less, value, &arguments, renderer) },
        "reverse": { (value, _, renderer) throws(Fault) in try reverse(value, renderer) },
        "slice": { (value, arguments, renderer) throws(Fault) in try slice(value, &arguments, renderer) },
        "sort": { (value, arguments, renderer) throws(Fault) in try sort(value, &arguments, renderer) },
        "sum": { (value, arguments, renderer) throws(Fault) in try sum(value, &arguments, renderer) },
        "unique": { (value, arguments, renderer) throws(Fault) in try unique(value, &arguments, renderer) },
    ]

    private static func standard(_ value: Value, _ arguments: inout Arguments) -> Value {
        let standard = arguments.take("default_value") ?? ""
        let replacesFalse = arguments.takeFlag("boolean")
        return value.isUndefined || (replacesFalse && !value.isTruthy) ? standard : value
    }

    private static func first(_ value: Value, _ renderer: Renderer) throws(Fault) -> Value {
        let missing = Value.undefined(.hint("No first item, sequence was empty."))
        if case .object(let reference) = value, reference.kind == .generator {
            let (values, position) = try renderer.run(reference)
            guard position < values.count else { return missing }
            renderer.heap.generators[reference.index] = .values(values, position: position + 1)
            return values[position]
        }
        return try renderer.elements(of: value).first ?? missing
    }

    private static func last(_ value: Value, _ renderer: Renderer) throws(Fault) -> Value {
        switch value {
        case .object: throw .evaluation("'\(value.typeName)' object is not reversible")
        default: return try renderer.elements(of: value).last ?? .undefined(.hint("No last item, sequence was empty."))
        }
    }

    private static func join(_ value: Value, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault) -> Value
    {
        let separator = try renderer.string(of: arguments.take("d") ?? "")
        let path = try AttributePath(arguments.take("attribute"))
        var parts: [Text] = []
        for element in try renderer.elements(of: value) {
            parts.append(try renderer.string(of: try path.value(in: element, renderer)))
        }
        return .string(try StringMethod.join(parts, with: separator, renderer))
    }

    private static func reverse(_ value: Value, _ renderer: Renderer) throws(Fault) -> Value {
        if case .string(let text) = value {
            try renderer.charge(elements: text.count)
            return .string(Text(text.scalars.reversed(), isMarkup: text.isMarkup))
        }
        let values = try renderer.elements(of: value)
        try renderer.charge(elements: values.count)
        // A generator cannot be walked backwards; it becomes a list first.
        if case .object = value { return try .list(values.reversed()) }
        return renderer.heap.addGenerator(values.reversed())
    }

    private static func batch(_ value: Value, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault) -> Value
    {
        guard let size = try arguments.takeInteger("linecount") else { throw .evaluation("batch() needs a linecount") }
        let fill = arguments.take("fill_with") ?? .none
        return renderer.heap.addGenerator { (renderer) throws(Fault) in
            try batches(value, size, fill, renderer)
        }
    }

    private static func batches(_ value: Value, _ size: Int, _ fill: Value, _ renderer: Renderer) throws(Fault)
        -> [Value]
    {
        var batches: [Value] = []
        var batch: [Value] = []
        for element in try renderer.elements(of: value) {
            if batch.count == size {
                batches.append(try .list(batch))
                batch = []
            }
            batch.append(element)
        }
        if !batch.isEmpty {
            let missing = fill.isNone ? 0 : max(0, max(0, size) - batch.count)
            try renderer.charge(elements: missing)
            batches.append(try .list(batch + Array(repeating: fill, count: missing)))
        }
        return batches
    }

    private static func slice(_ value: Value, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault) -> Value
    {
        guard let count = try arguments.takeInteger("slices") else { throw .evaluation("slice() needs slices") }
        let fill = arguments.take("fill_with") ?? .none
        return renderer.heap.addGenerator { (renderer) throws(Fault) in
            try slices(value, count, fill, renderer)
        }
    }

    private static func slices(_ value: Value, _ count: Int, _ fill: Value, _ renderer: Renderer) throws(Fault)
        -> [Value]
    {
        let values = try renderer.elements(of: value)
        guard count != 0 else { throw .evaluation("integer division or modulo by zero") }
        try renderer.charge(elements: max(0, count))
        var slices: [Value] = []
        var start = 0
        for index in 0..<max(0, count) {
            let isLonger = index < values.count % count
            let end = start + values.count / count + (isLonger ? 1 : 0)
            slices.append(try .list(Array(values[start..<end]) + (fill.isNone || isLonger ? [] : [fill])))
            start = end
        }
        return slices
    }

    private static func sort(_ value: Value, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault) -> Value
    {
        let isDescending = arguments.takeFlag("reverse")
        let isCaseSensitive = arguments.takeFlag("case_sensitive")
        let paths = try AttributePath.several(arguments.take("attribute"))
        let values = try renderer.elements(of: value)
        var keys: [Value] = []
        for value in values {
            var key: [Value] = []
            for path in paths { key.append(try path.key(in: value, isCaseSensitive: isCaseSensitive, renderer)) }
            keys.append(try .list(key))
        }
        return try .list(try Sorting.order(of: keys, descending: isDescending, renderer).map { values[$0] })
    }

    private static func extreme(
        _ ordering: Value.Ordering,
        _ value: Value,
        _ arguments: inout Arguments,
        _ renderer: Renderer
    ) throws(Fault) -> Value {
        let isCaseSensitive = arguments.takeFlag("case_sensitive")
        let path = try AttributePath(arguments.take("attribute"))
        var best: (value: Value, key: Value)?
        for element in try renderer.elements(of: value) {
            let key = try path.key(in: element, isCaseSensitive: isCaseSensitive, renderer)
            if let current = best, !(try key.compare(ordering, current.key)) { continue }
            best = (element, key)
        }
        return best?.value ?? .undefined(.hint("No aggregated item, sequence was empty."))
    }

    private static func sum(_ value: Value, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault) -> Value {
        let path = try AttributePath(arguments.take("attribute"))
        var total = arguments.take("start") ?? .integer(0)
        if case .string = total { throw .evaluation("sum() can't sum strings [use ''.join(seq) instead]") }
        for element in try renderer.elements(of: value) {
            total = try renderer.binary(.add, total, try path.value(in: element, renderer))
        }
        return total
    }

    private static func unique(_ value: Value, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault)
        -> Value
    {
        let isCaseSensitive = arguments.takeFlag("case_sensitive")
        let path = try AttributePath(arguments.take("attribute"))
        return renderer.heap.addGenerator { (renderer) throws(Fault) in
            var seen: Set<Key> = []
            var kept: [Value] = []
            for element in try renderer.elements(of: value) {
                let key = try path.key(in: element, isCaseSensitive: isCaseSensitive, renderer)
                if seen.insert(try Key(key)).inserted { kept.append(element) }
            }
            return kept
        }
    }
}
