/// Python's escapes in a quoted string.
enum StringLiteral {
    private static let simple: [Unicode.Scalar: Unicode.Scalar] = [
        "\\": "\\", "'": "'", "\"": "\"", "a": "\u{7}", "b": "\u{8}", "f": "\u{C}", "n": "\n", "r": "\r",
        "t": "\t", "v": "\u{B}",
    ]

    /// The text between the quotes with escapes resolved; nil for a malformed `\x`, `\u` or `\U`, for a surrogate,
    /// and for `\N{...}`.
    static func unescaped(_ source: ArraySlice<Unicode.Scalar>) -> Text? {
        var result = Text()
        var rest = source
        while let scalar = rest.popFirst() {
            guard scalar == "\\" else {
                result.scalars.append(scalar)
                continue
            }
            guard let mark = rest.popFirst(), let scalars = unescape(mark, &rest) else { return nil }
            result.scalars += scalars
        }
        return result
    }

    private static func unescape(_ mark: Unicode.Scalar, _ rest: inout ArraySlice<Unicode.Scalar>)
        -> [Unicode.Scalar]?
    {
        if let scalar = simple[mark] { return [scalar] }
        switch mark {
        case "\n": return []
        case "x": return hexadecimal(2, &rest)
        case "u": return hexadecimal(4, &rest)
        case "U": return hexadecimal(8, &rest)
        case "N": return nil
        case "0"..."7": return octal(mark, &rest)
        default: return mark.isASCII ? ["\\", mark] : asciiEscape(of: mark)
        }
    }

    /// The original turns non-ASCII text into escapes first, so a backslash before it meets `\\` and leaves letters.
    private static func asciiEscape(of scalar: Unicode.Scalar) -> [Unicode.Scalar] {
        let digits = String(scalar.value, radix: 16)
        let (letter, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
        let padding = String(repeating: "0", count: width - digits.utf8.count)
        return Array("\\\(letter)\(padding)\(digits)".unicodeScalars)
    }

    private static func hexadecimal(_ width: Int, _ rest: inout ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar]? {
        let digits = Text(rest.prefix(width)).string
        guard digits.utf8.count == width, !digits.hasPrefix("+"), !digits.hasPrefix("-"),
            let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value)
        else { return nil }
        rest = rest.dropFirst(width)
        return [scalar]
    }

    private static func octal(_ first: Unicode.Scalar, _ rest: inout ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar]? {
        var value = first.value - 48
        var count = 1
        while count < 3, let next = rest.first, ("0"..."7").contains(next) {
            value = value * 8 + next.value - 48
            count += 1
            rest = rest.dropFirst()
        }
        return Unicode.Scalar(value).map { [$0] }
    }
}
