extension PatternParser {
    /// A bracketed class, its `[` already read.
    mutating func parseClass() throws(PatternError) -> ScalarSet {
        let isNegated = consume("^")
        let items = try parseClassItems()
        return ScalarSet(items, isNegated: isNegated, foldsCase: options.ignoresCase)
    }

    private mutating func parseClassItems() throws(PatternError) -> ScalarSetItems {
        var items = ScalarSetItems()
        var isFirst = true
        while let scalar = next() {
            if scalar == "]" && !isFirst { return items }
            isFirst = false
            switch scalar {
            case "[":
                guard peek != ":", peek != "^" else { throw unsupported("this nested class") }
                items.formUnion(try parseClassItems())
            case "&" where peek == "&": throw unsupported("set intersection")
            case "\\":
                if let set = try parseEscapedSet() {
                    items.formUnion(set)
                } else {
                    items.ranges.append(try parseRange(from: try parseEscapedScalar()))
                }
            default: items.ranges.append(try parseRange(from: scalar))
            }
        }
        throw malformed("unfinished class")
    }

    private mutating func parseRange(from first: Unicode.Scalar) throws(PatternError) -> ClosedRange<UInt32> {
        guard peek == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else {
            return first.value...first.value
        }
        position += 1
        guard var last = next() else { throw malformed("unfinished class") }
        if last == "[" { throw unsupported("a range that ends in a class") }
        if last == "\\" {
            guard try parseEscapedSet() == nil else { throw unsupported("a range that ends in a class") }
            last = try parseEscapedScalar()
        }
        guard first.value <= last.value else { throw malformed("a range is reversed") }
        return first.value...last.value
    }

    /// What follows a backslash outside a class.
    mutating func parseEscapedAtom() throws(PatternError) -> PatternNode {
        guard let scalar = peek else { throw malformed("the pattern ends in a backslash") }
        if let assertion = Self.assertions[scalar] {
            position += 1
            return .assertion(assertion)
        }
        if consume("w") { return .set(ScalarSet(.word)) }
        if consume("W") { return .set(ScalarSet(.word, isNegated: true)) }
        if let items = try parseEscapedSet() { return .set(ScalarSet(items, foldsCase: options.ignoresCase)) }
        return .set(literal(try parseEscapedScalar()))
    }

    private static let assertions: [Unicode.Scalar: PatternNode.Assertion] = [
        "A": .textStart, "z": .textEnd, "Z": .textEndBeforeNewline, "b": .wordBoundary, "B": .notWordBoundary,
    ]

    /// `\s`, `\p{L}` and their like; nil, with nothing read, where the escape names one scalar.
    private mutating func parseEscapedSet() throws(PatternError) -> ScalarSetItems? {
        guard let scalar = peek else { throw malformed("the pattern ends in a backslash") }
        position += 1
        switch scalar {
        case "s": return ScalarSetItems(traits: .space)
        case "S": return ScalarSetItems(traits: .nonSpace)
        case "w": return ScalarSetItems(traits: .word)
        case "W": return ScalarSetItems(traits: .nonWord)
        case "d": return ScalarSetItems(categories: try categories(named: "Nd"))
        case "D": return ScalarSetItems(categories: ~(try categories(named: "Nd")))
        case "h": return ScalarSetItems(ranges: [0x30...0x39, 0x41...0x46, 0x61...0x66])
        case "p", "P": return try parseProperty(isNegated: scalar == "P")
        default:
            position -= 1
            return nil
        }
    }

    private mutating func parseProperty(isNegated: Bool) throws(PatternError) -> ScalarSetItems {
        guard consume("{") else { throw malformed("\\p without a name in braces") }
        let isInverse = consume("^") != isNegated
        var name = ""
        while let scalar = next() {
            guard scalar != "}" else {
                let categories = try categories(named: name)
                return ScalarSetItems(categories: isInverse ? ~categories : categories)
            }
            name.unicodeScalars.append(scalar)
        }
        throw malformed("unfinished property name")
    }

    /// Bit set of the general categories that a name covers: `L`, `Lu`, or a long name of a major class.
    private func categories(named name: String) throws(PatternError) -> UInt32 {
        if name == "Any" { return .max }
        let short = Self.longNames[name.lowercased()] ?? name
        var mask: UInt32 = 0
        for (index, category) in ScalarClass.categoryNames.enumerated()
        where category == short || (short.utf8.count == 1 && category.hasPrefix(short)) {
            mask |= 1 << UInt32(index)
        }
        guard mask != 0 else { throw unsupported("the property \(name)") }
        return mask
    }

    private static let longNames = [
        "letter": "L", "mark": "M", "number": "N", "punctuation": "P", "punct": "P", "symbol": "S", "separator": "Z",
        "other": "C", "uppercase_letter": "Lu", "lowercase_letter": "Ll", "decimal_number": "Nd", "digit": "Nd",
    ]

    /// An escape that stands for one scalar.
    private mutating func parseEscapedScalar() throws(PatternError) -> Unicode.Scalar {
        guard let scalar = next() else { throw malformed("the pattern ends in a backslash") }
        switch scalar {
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "f": return "\u{0C}"
        case "v": return "\u{0B}"
        case "a": return "\u{07}"
        case "e": return "\u{1B}"
        case "0": return "\0"
        case "x": return try parseHexadecimal(digits: 2)
        case "u": return try parseHexadecimal(digits: 4)
        case "a"..."z", "A"..."Z", "1"..."9":
            position -= 1
            throw unsupported("the escape \\\(scalar)")
        default: return scalar
        }
    }

    private mutating func parseHexadecimal(digits: Int) throws(PatternError) -> Unicode.Scalar {
        let isBraced = consume("{")
        var text = ""
        while let scalar = peek, scalar.properties.isASCIIHexDigit, text.utf8.count < (isBraced ? 8 : digits) {
            text.unicodeScalars.append(scalar)
            position += 1
        }
        guard !isBraced || consume("}"), let value = UInt32(text, radix: 16), let scalar = Unicode.Scalar(value) else {
            throw malformed("not a character code")
        }
        return scalar
    }
}
