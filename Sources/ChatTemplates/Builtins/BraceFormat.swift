/// Python's `text.format(...)`, without formats nested in formats.
struct BraceFormat {
    private var rest: ArraySlice<Unicode.Scalar>
    private let arguments: Arguments
    private let renderer: Renderer
    private var nextIndex = 0
    private var numbersFields: Bool?

    static func format(_ text: Text, _ arguments: Arguments, _ renderer: Renderer) throws(Fault) -> Text {
        var format = BraceFormat(rest: text.scalars[...], arguments: arguments, renderer: renderer)
        var result = Text(isMarkup: text.isMarkup)
        while let scalar = format.rest.popFirst() {
            guard scalar == "{" || scalar == "}" else {
                result.scalars.append(scalar)
                continue
            }
            if format.rest.first == scalar {
                format.rest.removeFirst()
                result.scalars.append(scalar)
            } else if scalar == "}" {
                throw .evaluation("Single '}' encountered in format string")
            } else {
                result.scalars += try format.field().scalars
            }
        }
        return result
    }

    private init(rest: ArraySlice<Unicode.Scalar>, arguments: Arguments, renderer: Renderer) {
        self.rest = rest
        self.arguments = arguments
        self.renderer = renderer
    }

    private mutating func field() throws(Fault) -> Text {
        guard let end = rest.firstIndex(of: "}") else { throw .evaluation("expected '}' before end of string") }
        let field = rest[rest.startIndex..<end]
        rest = rest[(end + 1)...]
        guard !field.contains("{") else { throw .unsupported("a format inside a format") }
        let nameEnd = field.firstIndex { $0 == "!" || $0 == ":" } ?? field.endIndex
        var value = try self.value(of: field[..<nameEnd])
        var tail = field[nameEnd...]
        if tail.first == "!" {
            guard let conversion = tail.dropFirst().first, conversion == "r" || conversion == "s" else {
                throw .evaluation("Unknown conversion specifier in format string")
            }
            value = .string(try conversion == "r" ? renderer.representation(of: value) : renderer.string(of: value))
            tail = tail.dropFirst(2)
        }
        guard tail.isEmpty || tail.first == ":" else { throw .evaluation("expected ':' after conversion specifier") }
        return try layOut(value, try Self.spec(tail.dropFirst()))
    }

    /// The value a field names: `0`, `name`, `0.attribute`, `name[key]`, or the next one.
    private mutating func value(of name: ArraySlice<Unicode.Scalar>) throws(Fault) -> Value {
        let firstEnd = name.firstIndex { $0 == "." || $0 == "[" } ?? name.endIndex
        var value = try root(Text(name[..<firstEnd]).string)
        var path = name[firstEnd...]
        while let mark = path.popFirst() {
            if mark == "." {
                let end = path.firstIndex { $0 == "." || $0 == "[" } ?? path.endIndex
                value = try renderer.attribute(Text(path[..<end]).string, of: value)
                path = path[end...]
            } else {
                guard mark == "[", let end = path.firstIndex(of: "]") else {
                    throw .evaluation("Missing ']' in format string")
                }
                let key = Text(path[..<end])
                value = try renderer.item(Int(key.string).map { .integer($0) } ?? .string(key), of: value)
                path = path[(end + 1)...]
            }
        }
        return value
    }

    private mutating func root(_ name: String) throws(Fault) -> Value {
        let index = Int(name)
        if name.isEmpty || index != nil {
            guard numbersFields == nil || numbersFields == !name.isEmpty else {
                throw .evaluation("cannot switch between manual field specification and automatic field numbering")
            }
            numbersFields = !name.isEmpty
            return try position(index)
        }
        guard let value = arguments.named.first(where: { $0.name == name })?.value else {
            throw .evaluation("KeyError: '\(name)'")
        }
        return value
    }

    private mutating func position(_ index: Int?) throws(Fault) -> Value {
        let place = index ?? nextIndex
        if index == nil { nextIndex += 1 }
        guard arguments.positional.indices.contains(place) else {
            throw .evaluation("Replacement index \(place) out of range for positional args tuple")
        }
        return arguments.positional[place]
    }

    /// Reads `[[fill]align][sign][#][0][width][grouping][.precision][type]`.
    private static func spec(_ source: ArraySlice<Unicode.Scalar>) throws(Fault) -> FormatSpec {
        let alignments: [Unicode.Scalar: FormatSpec.Alignment] = [
            "<": .left, ">": .right, "^": .center, "=": .signAware,
        ]
        var spec = FormatSpec()
        var rest = source
        if let fill = rest.first, let mark = rest.dropFirst().first, let alignment = alignments[mark] {
            spec.fill = fill
            spec.alignment = alignment
            rest = rest.dropFirst(2)
        } else if let mark = rest.first, let alignment = alignments[mark] {
            spec.alignment = alignment
            rest.removeFirst()
        }
        if let sign = rest.first, "+- ".unicodeScalars.contains(sign) {
            spec.plusSign = sign == "-" ? "" : String(sign)
            rest.removeFirst()
        }
        if rest.first == "#" {
            spec.isAlternate = true
            rest.removeFirst()
        }
        if rest.first == "0" {
            if spec.alignment == nil {
                spec.fill = "0"
                spec.alignment = .signAware
            }
            rest.removeFirst()
        }
        spec.width = try number(&rest) ?? 0
        if let mark = rest.first, mark == "," || mark == "_" {
            spec.grouping = mark
            rest.removeFirst()
        }
        if rest.first == "." {
            rest.removeFirst()
            guard let precision = try number(&rest) else { throw .evaluation("Format specifier missing precision") }
            spec.precision = precision
        }
        spec.conversion = rest.popFirst()
        guard rest.isEmpty else { throw .evaluation("Invalid format specifier") }
        return spec
    }

    private static func number(_ rest: inout ArraySlice<Unicode.Scalar>) throws(Fault) -> Int? {
        var value: Int?
        while let digit = rest.first, digit.isASCIIDigit {
            value = (value ?? 0) * 10 + Int(digit.value) - 48
            rest.removeFirst()
            guard value ?? 0 <= FormatSpec.maxWidth else {
                throw .evaluation("Too many decimal digits in format string")
            }
        }
        return value
    }

    private func layOut(_ value: Value, _ spec: FormatSpec) throws(Fault) -> Text {
        switch (value, spec.conversion) {
        case (.string(let text), nil), (.string(let text), "s"?):
            guard spec.alignment != .signAware, spec.grouping == nil, spec.plusSign.isEmpty else {
                throw .evaluation("Invalid format specifier for str")
            }
            let shown = spec.precision.map { Text(text.scalars.prefix($0)) } ?? text
            return try spec.laidOut(sign: "", shown.string, standard: .left, renderer)
        case (.integer(let integer), _): return try layOut(integer, spec)
        case (.bool(let bool), let conversion?): return try layOut(bool ? 1 : 0, spec, conversion)
        case (.float(let float), _): return try layOut(float, spec)
        default:
            let isPlain = spec.width == 0 && spec.conversion == nil && spec.precision == nil && spec.alignment == nil
            guard isPlain else {
                throw .evaluation("unsupported format string passed to \(value.typeName).__format__")
            }
            return try renderer.string(of: value)
        }
    }

    private func layOut(_ value: Int, _ spec: FormatSpec, _ conversion: Unicode.Scalar? = nil) throws(Fault) -> Text {
        let kind = conversion ?? spec.conversion ?? "d"
        if "eEfFgG%".unicodeScalars.contains(kind) { return try layOut(Double(value), spec) }
        guard spec.precision == nil else { throw .evaluation("Precision not allowed in integer format specifier") }
        let radixes: [Unicode.Scalar: Int] = ["d": 10, "n": 10, "b": 2, "o": 8, "x": 16, "X": 16]
        if kind == "c" {
            guard let scalar = UInt32(exactly: value).flatMap(Unicode.Scalar.init) else {
                throw .evaluation("%c arg not in range(0x110000)")
            }
            return try spec.laidOut(sign: "", String(scalar), standard: .right, renderer)
        }
        guard let radix = radixes[kind] else {
            throw .evaluation("Unknown format code '\(kind)' for object of type 'int'")
        }
        let prefix = radix == 10 ? "" : "0\(kind)"
        return try spec.integer(value, radix: radix, uppercase: kind == "X", prefix: prefix, renderer)
    }

    private func layOut(_ value: Double, _ spec: FormatSpec) throws(Fault) -> Text {
        switch spec.conversion {
        case "%"?: return try spec.float(value * 100, "f", suffix: "%", renderer)
        case let conversion? where "eEfFgG".unicodeScalars.contains(conversion):
            return try spec.float(value, conversion, renderer)
        case nil where spec.precision == nil && spec.grouping == nil:
            let isNegative = value.sign == .minus && !value.isNaN
            let body = NumberFormat.shortest(isNegative ? -value : value)
            return try spec.laidOut(sign: isNegative ? "-" : spec.plusSign, body, standard: .right, renderer)
        case nil: throw .unsupported("a float format without a type")
        case let conversion?:
            throw .evaluation("Unknown format code '\(conversion)' for object of type 'float'")
        }
    }
}
