extension Filter {
    static let selections: [String: Function] = [
        "map": { (value, arguments, renderer) throws(Fault) in try map(value, &arguments, renderer) },
        "reject": { (value, arguments, renderer) throws(Fault) in
            try select(value, &arguments, keeps: false, byAttribute: false, renderer)
        },
        "rejectattr": { (value, arguments, renderer) throws(Fault) in
            try select(value, &arguments, keeps: false, byAttribute: true, renderer)
        },
        "select": { (value, arguments, renderer) throws(Fault) in
            try select(value, &arguments, keeps: true, byAttribute: false, renderer)
        },
        "selectattr": { (value, arguments, renderer) throws(Fault) in
            try select(value, &arguments, keeps: true, byAttribute: true, renderer)
        },
    ]

    private static func map(_ value: Value, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault) -> Value {
        let options = arguments.takeRest()
        guard value.isTruthy else { return renderer.heap.addGenerator([]) }
        return renderer.heap.addGenerator { (renderer) throws(Fault) in try mapped(value, options, renderer) }
    }

    private static func mapped(_ value: Value, _ arguments: Arguments, _ renderer: Renderer) throws(Fault) -> [Value] {
        var options = arguments
        var mapped: [Value] = []
        if options.positional.isEmpty, let attribute = options.takeNamed("attribute") {
            let standard = options.takeNamed("default").flatMap { $0.isNone ? nil : $0 }
            try options.finish()
            let path = try AttributePath(attribute)
            for value in try renderer.elements(of: value) {
                mapped.append(try path.value(in: value, standard: standard, renderer))
            }
        } else {
            let name = try filterName(&options)
            let rest = options.takeRest()
            for value in try renderer.elements(of: value) { mapped.append(try apply(name, value, rest, renderer)) }
        }
        return mapped
    }

    private static func filterName(_ options: inout Arguments) throws(Fault) -> String {
        guard let name = options.take() else { throw .evaluation("map requires a filter argument") }
        guard case .string(let text) = name else { throw .evaluation("No filter named \(name.typeName).") }
        return text.string
    }

    private static func select(
        _ value: Value,
        _ arguments: inout Arguments,
        keeps: Bool,
        byAttribute: Bool,
        _ renderer: Renderer
    ) throws(Fault) -> Value {
        let options = arguments.takeRest()
        guard value.isTruthy else { return renderer.heap.addGenerator([]) }
        return renderer.heap.addGenerator { (renderer) throws(Fault) in
            try selected(value, options, keeps: keeps, byAttribute: byAttribute, renderer)
        }
    }

    private static func selected(
        _ value: Value,
        _ arguments: Arguments,
        keeps: Bool,
        byAttribute: Bool,
        _ renderer: Renderer
    ) throws(Fault) -> [Value] {
        var options = arguments
        var path = try AttributePath(nil)
        if byAttribute {
            guard let attribute = options.take() else { throw .evaluation("Missing parameter for attribute name") }
            path = try AttributePath(attribute)
        }
        let test = options.take()
        let rest = options.takeRest()
        var kept: [Value] = []
        for element in try renderer.elements(of: value) {
            try renderer.charge()
            let subject = try path.value(in: element, renderer)
            if try passes(test, subject, rest, renderer) == keeps { kept.append(element) }
        }
        return kept
    }

    private static func passes(_ test: Value?, _ subject: Value, _ arguments: Arguments, _ renderer: Renderer)
        throws(Fault) -> Bool
    {
        guard let test else { return subject.isTruthy }
        guard case .string(let name) = test else { throw .evaluation("No test named \(test.typeName).") }
        return try Test.apply(name.string, subject, arguments, renderer)
    }
}
