/// The `attribute` argument of filters: `name`, `name.0.other`, or an index; nothing means the element itself.
struct AttributePath {
    private var keys: [Value] = []

    init(_ attribute: Value?) throws(Fault) {
        switch attribute {
        case nil, Value.none?: break
        case .string(let text)?:
            for part in text.split(on: ".", limit: Int.max) {
                keys.append(try part.isDigits ? .integer(NumberParsing.integer(part, base: 10) ?? 0) : .string(part))
            }
        case let other?: keys = [other]
        }
    }

    /// Several paths separated by commas.
    static func several(_ attribute: Value?) throws(Fault) -> [AttributePath] {
        guard case .string(let text)? = attribute else { return [try AttributePath(attribute)] }
        var paths: [AttributePath] = []
        for part in text.split(on: ",", limit: Int.max) { paths.append(try AttributePath(.string(part))) }
        return paths
    }

    /// - Parameter standard: stands in for whatever is undefined on the way.
    func value(in element: Value, standard: Value? = nil, _ renderer: Renderer) throws(Fault) -> Value {
        var value = element
        for key in keys {
            value = try renderer.item(key, of: value)
            if let standard, value.isUndefined { value = standard }
        }
        return value
    }

    func key(in element: Value, isCaseSensitive: Bool, standard: Value? = nil, _ renderer: Renderer) throws(Fault)
        -> Value
    {
        let value = try value(in: element, standard: standard, renderer)
        try renderer.charge(walking: value)
        return isCaseSensitive ? value : Filter.ignoringCase(value)
    }
}
