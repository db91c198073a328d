/// `json.dumps` as the `tojson` filter calls it.
struct JSONText {
    private let escapesNonASCII: Bool
    private let indent: Text?
    private let itemSeparator: Text
    private let keySeparator: Text
    private let sortsKeys: Bool
    private let renderer: Renderer
    private var result = Text()

    static func filter(_ value: Value, _ arguments: Arguments, _ renderer: Renderer) throws(Fault) -> Value {
        var arguments = arguments
        var text = try JSONText(&arguments, renderer)
        try text.write(value, level: 0)
        return .string(text.result)
    }

    private init(_ arguments: inout Arguments, _ renderer: Renderer) throws(Fault) {
        self.renderer = renderer
        escapesNonASCII = arguments.takeFlag("ensure_ascii")
        indent = try Self.indentation(arguments.take("indent"), renderer)
        let separators = arguments.take("separators") ?? .none
        if case .none = separators {
            itemSeparator = indent == nil ? ", " : ","
            keySeparator = ": "
        } else {
            let parts = try renderer.elements(of: separators)
            guard parts.count == 2, case .string(let item) = parts[0], case .string(let key) = parts[1] else {
                throw .evaluation("separators must be a pair of strings")
            }
            itemSeparator = item
            keySeparator = key
        }
        sortsKeys = arguments.takeFlag("sort_keys")
        try arguments.finish()
    }

    private static func indentation(_ value: Value?, _ renderer: Renderer) throws(Fault) -> Text? {
        switch value {
        case nil, Value.none?: return nil
        case .string(let text)?: return text
        case let other?:
            guard let width = other.integerValue else {
                throw .evaluation("can't multiply sequence by non-int of type '\(other.typeName)'")
            }
            try renderer.charge(elements: max(0, width))
            return Text(Array(repeating: " ", count: max(0, width)))
        }
    }

    private mutating func write(_ value: Value, level: Int) throws(Fault) {
        try renderer.charge()
        switch value {
        case .none: append("null")
        case .bool(let bool): append(bool ? "true" : "false")
        case .integer(let integer): append(String(integer))
        case .float(let float): append(Self.number(float))
        case .string(let text): try write(text)
        case .list(let items), .tuple(let items): try write(items.values, level)
        case .dictionary(let dictionary): try write(dictionary, level)
        default: throw .evaluation("Object of type \(value.typeName) is not JSON serializable")
        }
    }

    private mutating func append(_ string: String) { result.scalars += Array(string.unicodeScalars) }

    private static func number(_ float: Double) -> String {
        if float.isNaN { return "NaN" }
        if float.isInfinite { return float < 0 ? "-Infinity" : "Infinity" }
        return NumberFormat.shortest(float)
    }

    private mutating func write(_ values: [Value], _ level: Int) throws(Fault) {
        result.scalars.append("[")
        for (index, value) in values.enumerated() {
            if index > 0 { result.scalars += itemSeparator.scalars }
            try breakLine(level + 1)
            try write(value, level: level + 1)
        }
        if !values.isEmpty { try breakLine(level) }
        result.scalars.append("]")
    }

    private mutating func write(_ dictionary: ValueDictionary, _ level: Int) throws(Fault) {
        result.scalars.append("{")
        for (index, (key, value)) in try sortedEntries(dictionary).enumerated() {
            if index > 0 { result.scalars += itemSeparator.scalars }
            try breakLine(level + 1)
            try write(try Self.name(of: key))
            result.scalars += keySeparator.scalars
            try write(value, level: level + 1)
        }
        if dictionary.count > 0 { try breakLine(level) }
        result.scalars.append("}")
    }

    private func sortedEntries(_ dictionary: ValueDictionary) throws(Fault) -> [(Value, Value)] {
        let entries = Array(zip(dictionary.keys, dictionary.values))
        guard sortsKeys else { return entries }
        let order = try Sorting.order(of: dictionary.keys, descending: false, renderer)
        return order.map { entries[$0] }
    }

    private static func name(of key: Value) throws(Fault) -> Text {
        switch key {
        case .string(let text): return text
        case .none: return "null"
        case .bool(let bool): return bool ? "true" : "false"
        case .integer(let integer): return Text(String(integer))
        case .float(let float): return Text(number(float))
        default: throw .evaluation("keys must be str, int, float, bool or None, not \(key.typeName)")
        }
    }

    private mutating func breakLine(_ level: Int) throws(Fault) {
        guard let indent else { return }
        try renderer.charge(elements: indent.count * level)
        result.scalars.append("\n")
        for _ in 0..<level { result.scalars += indent.scalars }
    }

    private mutating func write(_ text: Text) throws(Fault) {
        try renderer.charge(elements: text.count)
        result.scalars.append("\"")
        for scalar in text.scalars {
            switch scalar {
            case "\"": append("\\\"")
            case "\\": append("\\\\")
            case "\n": append("\\n")
            case "\r": append("\\r")
            case "\t": append("\\t")
            case "\u{8}": append("\\b")
            case "\u{C}": append("\\f")
            default:
                if scalar.value < 0x20 || (escapesNonASCII && scalar.value > 0x7E) {
                    for unit in UTF16.encode(scalar) ?? .init() { append(Self.escape(unit)) }
                } else {
                    result.scalars.append(scalar)
                }
            }
        }
        result.scalars.append("\"")
    }

    private static func escape(_ unit: UInt16) -> String {
        let digits = String(unit, radix: 16)
        return "\\u\(String(repeating: "0", count: 4 - digits.utf8.count))\(digits)"
    }
}
