extension Renderer {
    /// Python's `str(value)`.
    func string(of value: Value) throws(Fault) -> Text {
        switch value {
        case .undefined: Text()
        case .string(let text): text
        default: try representation(of: value)
        }
    }

    /// Python's `repr(value)`.
    func representation(of value: Value) throws(Fault) -> Text {
        var result = Text()
        try represent(value, into: &result, level: 0)
        return result
    }

    private func represent(_ value: Value, into result: inout Text, level: Int) throws(Fault) {
        guard level <= 2 * Extent.maxDepth else { throw .depthExceeded(limit: Extent.maxDepth) }
        switch value {
        case .string(let text):
            try charge(elements: text.count)
            let quoted = Self.quoted(text)
            result.scalars += text.isMarkup ? Text("Markup(").scalars + quoted.scalars + [")"] : quoted.scalars
        case .list(let items): try represent(items.values, "[", "]", into: &result, level)
        case .tuple(let items):
            try represent(items.values, "(", items.values.count == 1 ? ",)" : ")", into: &result, level)
        case .dictionary(let dictionary): try represent(dictionary, into: &result, level)
        case .view(.keys(let dictionary)): try represent(dictionary.keys, "dict_keys([", "])", into: &result, level)
        case .view(.values(let dictionary)):
            try represent(dictionary.values, "dict_values([", "])", into: &result, level)
        case .view(.items(let dictionary)):
            try represent(try dictionary.items(), "dict_items([", "])", into: &result, level)
        case .object(let reference) where reference.kind == .namespace:
            result.scalars += Text("<Namespace ").scalars
            try represent(heap.namespaces[reference.index], into: &result, level)
            result.scalars.append(">")
        default:
            try charge()
            result.scalars += Text(plainRepresentation(of: value)).scalars
        }
    }

    private func represent(
        _ values: [Value],
        _ open: String,
        _ close: String,
        into result: inout Text,
        _ level: Int
    ) throws(Fault) {
        try charge(values.count)
        result.scalars += Text(open).scalars
        for (index, value) in values.enumerated() {
            if index > 0 { result.scalars += [",", " "] }
            try represent(value, into: &result, level: level + 1)
        }
        result.scalars += Text(close).scalars
    }

    private func represent(_ dictionary: ValueDictionary, into result: inout Text, _ level: Int) throws(Fault) {
        try charge(dictionary.count)
        result.scalars.append("{")
        for index in 0..<dictionary.count {
            if index > 0 { result.scalars += [",", " "] }
            try represent(dictionary.keys[index], into: &result, level: level + 1)
            result.scalars += [":", " "]
            try represent(dictionary.values[index], into: &result, level: level + 1)
        }
        result.scalars.append("}")
    }

    private func plainRepresentation(of value: Value) -> String {
        switch value {
        case .undefined: "Undefined"
        case .none: "None"
        case .bool(let bool): bool ? "True" : "False"
        case .integer(let integer): String(integer)
        case .float(let float): NumberFormat.shortest(float)
        case .range(let range):
            "range(\(range.start), \(range.stop)\(range.step == 1 ? "" : ", \(range.step)"))"
        case .function(let function): "<function \(function.rawValue)>"
        case .method(let method): "<built-in method \(method.name)>"
        case .object(let reference): representation(of: reference)
        case .string, .list, .tuple, .dictionary, .view: ""
        }
    }

    private func representation(of reference: HeapReference) -> String {
        switch reference.kind {
        case .macro:
            let name = heap.macros[reference.index].macro.name
            return name.map { "<Macro \(Self.quoted(Text($0)).string)>" } ?? "<Macro anonymous>"
        case .loop:
            let loop = heap.loops[reference.index]
            return "<LoopContext \(loop.index + 1)/\(loop.items.count)>"
        case .cycler, .generator, .joiner, .namespace: return "<\(reference.kind.typeName) object>"
        }
    }

    /// A string as a Python literal: single quotes unless it holds those and no double ones.
    static func quoted(_ text: Text) -> Text {
        let usesDouble = text.scalars.contains("'") && !text.scalars.contains("\"")
        let quote: Unicode.Scalar = usesDouble ? "\"" : "'"
        var result = Text([quote])
        for scalar in text.scalars {
            switch scalar {
            case quote, "\\": result.scalars += ["\\", scalar]
            case "\n": result.scalars += ["\\", "n"]
            case "\r": result.scalars += ["\\", "r"]
            case "\t": result.scalars += ["\\", "t"]
            default:
                if scalar.isPythonPrintable {
                    result.scalars.append(scalar)
                } else {
                    result.scalars += Array(scalar.pythonEscape.unicodeScalars)
                }
            }
        }
        result.scalars.append(quote)
        return result
    }
}

extension Unicode.Scalar {
    var isPythonPrintable: Bool {
        if self == " " { return true }
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            return false
        default: return true
        }
    }

    /// `\x1b`, `\u200b` or `\U000e0001`.
    var pythonEscape: String {
        let digits = String(value, radix: 16)
        let (letter, width) = value < 0x100 ? ("x", 2) : value < 0x10000 ? ("u", 4) : ("U", 8)
        return "\\\(letter)\(String(repeating: "0", count: width - digits.utf8.count))\(digits)"
    }
}
