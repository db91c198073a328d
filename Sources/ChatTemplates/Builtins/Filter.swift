/// The filters behind `|`.
enum Filter {
    typealias Function = @Sendable (Value, inout Arguments, Renderer) throws(Fault) -> Value

    /// Filters Jinja has and we do not.
    private static let missing: Set<String> = ["pprint", "random", "striptags", "urlize", "wordwrap"]

    private static let functions: [String: Function] = {
        var all = texts
        for group in [numbers, sequences, selections, mappings] { all.merge(group) { first, _ in first } }
        return all
    }()

    /// Whether the filter can be applied; nil when Jinja does not have it either.
    static func support(of name: String) -> Bool? {
        functions[name] != nil ? true : missing.contains(name) ? false : nil
    }

    static func apply(_ name: String, _ value: Value, _ arguments: Arguments, _ renderer: Renderer) throws(Fault)
        -> Value
    {
        guard let function = functions[name] else { throw .evaluation("No filter named '\(name)'.") }
        var arguments = arguments
        return try renderer.nested { () throws(Fault) in
            let result = try function(value, &arguments, renderer)
            try arguments.finish()
            return result
        }
    }

    /// The length Python's `len` gives; throws for what has none.
    static func length(of value: Value, _ renderer: Renderer) throws(Fault) -> Int {
        switch value {
        case .undefined: return 0
        case .string(let text): return text.count
        case .list(let items), .tuple(let items): return items.values.count
        case .dictionary(let dictionary): return dictionary.count
        case .view(let view): return view.count
        case .range(let range): return range.count
        case .object(let reference) where reference.kind == .loop:
            return renderer.heap.loops[reference.index].items.count
        default: throw .evaluation("object of type '\(value.typeName)' has no len()")
        }
    }

    /// A string in lower case, anything else as it is: how sorting and the like ignore case.
    static func ignoringCase(_ value: Value) -> Value {
        if case .string(let text) = value { .string(text.lowercased()) } else { value }
    }
}
