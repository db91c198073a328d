extension Filter {
    static let texts: [String: Function] = [
        "capitalize": { (value, _, renderer) throws(Fault) in .string(try text(value, renderer).capitalized()) },
        "center": { (value, arguments, renderer) throws(Fault) in try center(value, &arguments, renderer) },
        "e": { (value, _, renderer) throws(Fault) in .string(Escape.html(try text(value, renderer))) },
        "escape": { (value, _, renderer) throws(Fault) in .string(Escape.html(try text(value, renderer))) },
        "forceescape": { (value, _, renderer) throws(Fault) in
            .string(Escape.html(Text(try text(value, renderer).scalars)))
        },
        "format": { (value, arguments, renderer) throws(Fault) in try format(value, &arguments, renderer) },
        "indent": { (value, arguments, renderer) throws(Fault) in try indent(value, &arguments, renderer) },
        "lower": { (value, _, renderer) throws(Fault) in .string(try text(value, renderer).lowercased()) },
        "replace": { (value, arguments, renderer) throws(Fault) in try replace(value, &arguments, renderer) },
        "safe": { (value, _, renderer) throws(Fault) in
            .string(Text(try renderer.string(of: value).scalars, isMarkup: true))
        },
        "string": { (value, _, renderer) throws(Fault) in .string(try text(value, renderer)) },
        "title": { (value, _, renderer) throws(Fault) in .string(try text(value, renderer).wordsCapitalized()) },
        "tojson": { (value, arguments, renderer) throws(Fault) in
            try JSONText.filter(value, arguments.takeRest(), renderer)
        },
        "trim": { (value, arguments, renderer) throws(Fault) in
            .string(try text(value, renderer).stripped(.both, of: try arguments.takeText("chars")))
        },
        "truncate": { (value, arguments, renderer) throws(Fault) in try truncate(value, &arguments, renderer) },
        "upper": { (value, _, renderer) throws(Fault) in .string(try text(value, renderer).uppercased()) },
        "urlencode": { (value, _, renderer) throws(Fault) in try urlEncode(value, renderer) },
        "wordcount": { (value, _, renderer) throws(Fault) in .integer(wordCount(try text(value, renderer))) },
    ]

    private static func text(_ value: Value, _ renderer: Renderer) throws(Fault) -> Text {
        let text = try renderer.string(of: value)
        try renderer.charge(elements: text.count)
        return text
    }

    private static func center(_ value: Value, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault)
        -> Value
    {
        let width = try arguments.takeInteger("width") ?? 80
        let text = try text(value, renderer)
        let padding = max(0, max(0, width) - text.count)
        let left = padding / 2 + (padding & width & 1)
        return .string(try StringMethod.padded(text, left: left, right: padding - left, " ", renderer))
    }

    private static func format(_ value: Value, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault)
        -> Value
    {
        let values = arguments.takeRest()
        guard values.named.isEmpty || values.positional.isEmpty else {
            throw .evaluation("can't handle positional and keyword arguments at the same time")
        }
        var mapping = ValueDictionary()
        for (name, value) in values.named { try mapping.set(.string(name), to: value) }
        let operand: Value = try values.named.isEmpty ? .tuple(values.positional) : .dictionary(mapping)
        return .string(try PercentFormat.format(try text(value, renderer), with: operand, renderer))
    }

    private static func indent(_ value: Value, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault)
        -> Value
    {
        let width = arguments.take("width") ?? .integer(4)
        let indentsFirst = arguments.takeFlag("first")
        let indentsBlank = arguments.takeFlag("blank")
        if case .undefined(let undefined) = value { throw undefined.fault }
        guard case .string(let text) = value else {
            throw .unsupportedOperands("+=", value, .string(""))
        }
        let prefix = try indentation(width, renderer)
        let lines = Text(text.scalars + ["\n"]).lines()
        let total = prefix.count.multipliedReportingOverflow(by: lines.count)
        guard !total.overflow else { throw .outputTooLarge(limit: renderer.limits.outputBytes) }
        try renderer.charge(elements: min(total.partialValue, Int.max / 2) + text.count)
        var result = Text(isMarkup: text.isMarkup)
        for (index, line) in lines.enumerated() {
            if index > 0 { result.scalars.append("\n") }
            let isIndented = index == 0 ? indentsFirst : indentsBlank || !line.isEmpty
            if isIndented { result.scalars += prefix.scalars }
            result.scalars += line.scalars
        }
        return .string(result)
    }

    private static func indentation(_ width: Value, _ renderer: Renderer) throws(Fault) -> Text {
        if case .string(let text) = width { return text }
        guard let count = width.integerValue else {
            throw .evaluation("can't multiply sequence by non-int of type '\(width.typeName)'")
        }
        try renderer.charge(elements: max(0, count))
        return Text(Array(repeating: " ", count: max(0, count)))
    }

    private static func replace(_ value: Value, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault)
        -> Value
    {
        let subject = Text(try text(value, renderer).scalars)
        let old = try renderer.string(of: try arguments.require("old"))
        let new = try renderer.string(of: try arguments.require("new"))
        var limit = -1
        if let count = arguments.take("count"), !count.isNone {
            guard let integer = count.integerValue else {
                throw .evaluation("'\(count.typeName)' object cannot be interpreted as an integer")
            }
            limit = integer
        }
        return .string(try StringMethod.replace(old, with: new, in: subject, limit: limit, renderer))
    }

    private static func truncate(_ value: Value, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault)
        -> Value
    {
        let length = try arguments.takeInteger("length") ?? 255
        let cutsWords = arguments.takeFlag("killwords")
        let end = try arguments.takeText("end") ?? "..."
        let leeway = try arguments.takeInteger("leeway") ?? 5
        guard length >= end.count, leeway >= 0 else {
            throw .evaluation("expected length >= \(end.count), got \(length)")
        }
        if try self.length(of: value, renderer) - leeway <= length { return value }
        guard case .string(let text) = value else { throw .unsupportedOperands("+", value, .string("")) }
        let head = Text(text.scalars.prefix(length - end.count))
        return .string((cutsWords ? head : head.splitFromRight(on: " ", limit: 1)[0]) + end)
    }

    private static func urlEncode(_ value: Value, _ renderer: Renderer) throws(Fault) -> Value {
        func query(_ value: Value) throws(Fault) -> Text { Escape.url(try text(value, renderer), inQuery: true) }
        let pairs: [Value]
        switch value {
        case .dictionary(let dictionary): pairs = try dictionary.items()
        case .list, .tuple, .view, .undefined, .range, .object: pairs = try renderer.elements(of: value)
        default: return .string(Escape.url(try text(value, renderer), inQuery: false))
        }
        var parts: [Text] = []
        for pair in pairs {
            let sides = try renderer.elements(of: pair)
            guard sides.count == 2 else { throw .evaluation("not enough values to unpack (expected 2)") }
            parts.append(try query(sides[0]) + "=" + query(sides[1]))
        }
        return .string(try StringMethod.join(parts, with: "&", renderer))
    }

    private static func wordCount(_ text: Text) -> Int {
        var count = 0
        var isInWord = false
        for scalar in text.scalars {
            let isWord = scalar == "_" || Text([scalar]).isAlphanumeric
            if isWord, !isInWord { count += 1 }
            isInWord = isWord
        }
        return count
    }
}

extension Value {
    var isNone: Bool { if case .none = self { true } else { false } }
}
