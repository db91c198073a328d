/// Python's `text % values`.
struct PercentFormat {
    private var rest: ArraySlice<Unicode.Scalar>
    private let argument: Value
    private var values: ArraySlice<Value>
    private var usesMapping = false
    /// Whether the format is markup, into which other text goes escaped.
    private let escapes: Bool
    private let renderer: Renderer

    static func format(_ text: Text, with argument: Value, _ renderer: Renderer) throws(Fault) -> Text {
        try renderer.charge(elements: text.count)
        var format = PercentFormat(text, argument, renderer)
        var result = Text(isMarkup: text.isMarkup)
        while let scalar = format.rest.popFirst() {
            if scalar == "%" { result.scalars += try format.directive().scalars } else { result.scalars.append(scalar) }
        }
        guard format.values.isEmpty || argument.isSubscriptable || format.usesMapping else {
            throw .evaluation("not all arguments converted during string formatting")
        }
        return result
    }

    private init(_ text: Text, _ argument: Value, _ renderer: Renderer) {
        rest = text.scalars[...]
        escapes = text.isMarkup
        self.argument = argument
        self.renderer = renderer
        if case .tuple(let items) = argument { values = items.values[...] } else { values = [argument] }
    }

    private mutating func directive() throws(Fault) -> Text {
        let key = try mappingKey()
        var spec = FormatSpec()
        while let flag = rest.first, "#0- +".unicodeScalars.contains(flag) {
            rest.removeFirst()
            switch flag {
            case "#": spec.isAlternate = true
            case "0": spec.fill = "0"
            case "-": spec.alignment = .left
            case " ": spec.plusSign = spec.plusSign.isEmpty ? " " : spec.plusSign
            default: spec.plusSign = "+"
            }
        }
        spec.width = try number() ?? 0
        if spec.width < 0 {
            spec.alignment = .left
            spec.width = -spec.width
        }
        if rest.first == "." {
            rest.removeFirst()
            spec.precision = max(0, try number() ?? 0)
        }
        while let modifier = rest.first, "hlL".unicodeScalars.contains(modifier) { rest.removeFirst() }
        guard let conversion = rest.popFirst() else { throw .evaluation("incomplete format") }
        return try convert(key, spec, conversion)
    }

    private mutating func mappingKey() throws(Fault) -> Value? {
        guard rest.first == "(" else { return nil }
        var depth = 1
        var key = Text()
        rest.removeFirst()
        while let scalar = rest.popFirst() {
            depth += scalar == "(" ? 1 : scalar == ")" ? -1 : 0
            if depth == 0 {
                if case .undefined(let undefined) = argument { throw undefined.fault }
                guard case .dictionary(let mapping) = argument else { throw .evaluation("format requires a mapping") }
                usesMapping = true
                guard let value = try mapping.value(for: .string(key)) else {
                    throw .evaluation("KeyError: \(Renderer.quoted(key).string)")
                }
                return value
            }
            key.scalars.append(scalar)
        }
        throw .evaluation("incomplete format key")
    }

    private mutating func number() throws(Fault) -> Int? {
        if rest.first == "*" {
            rest.removeFirst()
            guard case .integer(let value) = try nextValue() else { throw .evaluation("* wants int") }
            guard value.magnitude <= FormatSpec.maxWidth else { throw .evaluation("width too big") }
            return value
        }
        var value: Int?
        while let digit = rest.first, digit.isASCIIDigit {
            value = (value ?? 0) * 10 + Int(digit.value) - 48
            rest.removeFirst()
            guard value ?? 0 <= FormatSpec.maxWidth else { throw .evaluation("width too big") }
        }
        return value
    }

    private mutating func nextValue() throws(Fault) -> Value {
        guard let value = values.popFirst() else { throw .evaluation("not enough arguments for format string") }
        return value
    }

    private mutating func convert(_ key: Value?, _ spec: FormatSpec, _ conversion: Unicode.Scalar) throws(Fault) -> Text
    {
        if conversion == "%" { return "%" }
        let value: Value
        if let key { value = key } else { value = try nextValue() }
        switch conversion {
        case "s": return try text(try renderer.string(of: value), spec)
        case "r": return try text(try renderer.representation(of: value), spec)
        case "a": throw .unsupported("the format '%a'")
        case "c": return try text(try character(value), spec)
        case "d", "i", "u", "o", "x", "X": return try integer(value, spec, conversion)
        case "e", "E", "f", "F", "g", "G":
            guard let float = value.floatValue else {
                if case .undefined(let undefined) = value { throw undefined.fault }
                throw .evaluation("must be real number, not \(value.typeName)")
            }
            return try numeric(spec).float(float, conversion, renderer)
        default: throw .evaluation("unsupported format character '\(conversion)'")
        }
    }

    /// Zeros pad numbers between the sign and the digits, unless they are aligned to the left.
    private func numeric(_ spec: FormatSpec) -> FormatSpec {
        var spec = spec
        if spec.alignment == .left { spec.fill = " " } else if spec.fill == "0" { spec.alignment = .signAware }
        return spec
    }

    private func text(_ text: Text, _ spec: FormatSpec) throws(Fault) -> Text {
        var spec = spec
        spec.fill = " "
        let source = escapes ? Escape.html(text) : text
        let shown = spec.precision.map { Text(source.scalars.prefix($0)) } ?? source
        return try spec.laidOut(sign: "", shown.string, standard: .right, renderer)
    }

    private func character(_ value: Value) throws(Fault) -> Text {
        if case .string(let text) = value, text.count == 1 { return text }
        guard let code = value.integerValue, let scalar = UInt32(exactly: code).flatMap(Unicode.Scalar.init) else {
            throw .evaluation("%c requires int or char")
        }
        return Text([scalar])
    }

    private func integer(_ value: Value, _ spec: FormatSpec, _ conversion: Unicode.Scalar) throws(Fault) -> Text {
        let isDecimal = ["d", "i", "u"].contains(conversion)
        var number = value.integerValue
        if isDecimal, case .float(let float) = value { number = Int(exactly: float.rounded(.towardZero)) }
        guard let number else {
            if case .undefined(let undefined) = value { throw undefined.fault }
            throw .evaluation("%\(conversion) format: a real number is required, not \(value.typeName)")
        }
        let radix = isDecimal ? 10 : conversion == "o" ? 8 : 16
        let prefix = isDecimal ? "" : "0\(conversion)"
        var spec = numeric(spec)
        if let precision = spec.precision {
            let digits = String(number.magnitude, radix: radix, uppercase: conversion == "X")
            let zeros = String(repeating: "0", count: max(0, precision - digits.utf8.count))
            let sign = number < 0 ? "-" : spec.plusSign
            return try spec.laidOut(
                sign: sign,
                prefix: spec.isAlternate ? prefix : "",
                zeros + digits,
                standard: .right,
                renderer
            )
        }
        spec.grouping = nil
        return try spec.integer(number, radix: radix, uppercase: conversion == "X", prefix: prefix, renderer)
    }
}

extension Value {
    /// What Python's `%` takes for a mapping, none of whose values need be used.
    fileprivate var isSubscriptable: Bool {
        switch self {
        case .dictionary, .list, .range, .undefined: true
        default: false
        }
    }
}
