/// Numbers written in strings, read as Python's `int()` and `float()` do.
enum NumberParsing {
    /// - Throws: when the digits are right but beyond 64 bits.
    static func integer(_ text: Text, base: Int) throws(Fault) -> Int? {
        guard base == 0 || (2...36).contains(base) else { return nil }
        var scalars = text.stripped(.both).scalars[...]
        let isNegative = scalars.first == "-"
        if isNegative || scalars.first == "+" { scalars.removeFirst() }
        let prefixes: [(mark: String, base: Int)] = [("x", 16), ("o", 8), ("b", 2)]
        var radix = base == 0 ? 10 : base
        let head = Text(scalars.prefix(2)).string.lowercased()
        if let prefix = prefixes.first(where: { head == "0\($0.mark)" && (base == 0 || base == $0.base) }) {
            radix = prefix.base
            scalars = scalars.dropFirst(2)
            if scalars.first == "_" { scalars.removeFirst() }
        }
        guard let digits = plainDigits(scalars, isDigit: { Int(String($0), radix: radix) != nil }) else { return nil }
        if base == 0, radix == 10, digits.first == "0", digits.contains(where: { $0 != "0" }) { return nil }
        guard let value = Int((isNegative ? "-" : "") + digits, radix: radix) else { throw .integerOverflow }
        return value
    }

    static func float(_ text: Text) -> Double? {
        let scalars = text.stripped(.both).scalars
        let unsigned = scalars.first == "-" || scalars.first == "+" ? scalars.dropFirst() : scalars[...]
        let sign: Double = scalars.first == "-" ? -1 : 1
        switch Text(unsigned).string.lowercased() {
        case "inf", "infinity": return sign * .infinity
        case "nan": return .nan
        default: break
        }
        let accepted = unsigned.allSatisfy { asciiDigit($0) != nil || "eE+-._".unicodeScalars.contains($0) }
        guard accepted, let first = unsigned.first, asciiDigit(first) != nil || first == ".",
            let plain = withoutUnderscores(unsigned)
        else { return nil }
        // Swift refuses a bare leading or trailing point, Python does not.
        var number = plain.hasPrefix(".") ? "0" + plain : plain
        if plain == "." || plain.hasPrefix(".e") || plain.hasPrefix(".E") { return nil }
        if number.hasSuffix(".") { number += "0" }
        if let point = number.firstIndex(of: "."), let mark = number.firstIndex(where: { $0 == "e" || $0 == "E" }),
            number.index(after: point) == mark
        {
            number.insert("0", at: mark)
        }
        return Double(number).map { sign * $0 }
    }

    private static func plainDigits(_ scalars: ArraySlice<Unicode.Scalar>, isDigit: (Unicode.Scalar) -> Bool)
        -> String?
    {
        guard let plain = withoutUnderscores(scalars), !plain.isEmpty else { return nil }
        return plain.unicodeScalars.allSatisfy(isDigit) ? plain : nil
    }

    /// ASCII digits and letters, single underscores between digits dropped; nil when one stands elsewhere.
    private static func withoutUnderscores(_ scalars: ArraySlice<Unicode.Scalar>) -> String? {
        var result = ""
        var previous: Unicode.Scalar?
        for (index, scalar) in zip(scalars.indices, scalars) {
            if scalar == "_" {
                let next = index + 1 < scalars.endIndex ? scalars[index + 1] : nil
                guard let previous, isWordDigit(previous), let next, isWordDigit(next) else { return nil }
            } else {
                result.unicodeScalars.append(asciiDigit(scalar) ?? scalar)
            }
            previous = scalar
        }
        return result
    }

    private static func isWordDigit(_ scalar: Unicode.Scalar) -> Bool {
        asciiDigit(scalar) != nil || (scalar.isASCII && scalar.properties.isAlphabetic)
    }

    /// A decimal digit of any script as its ASCII twin.
    private static func asciiDigit(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        if scalar.isASCIIDigit { return scalar }
        guard !scalar.isASCII, scalar.properties.numericType == .decimal, let value = scalar.properties.numericValue
        else { return nil }
        return Unicode.Scalar(UInt8(48 + Int(value)))
    }
}
