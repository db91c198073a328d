/// How one number or string is laid out, shared by `%` and `str.format`.
struct FormatSpec {
    enum Alignment { case center, left, right, signAware }

    var fill: Unicode.Scalar = " "
    var alignment: Alignment?
    /// `+` or a space in front of numbers that are not negative.
    var plusSign: String = ""
    var isAlternate = false
    var width = 0
    var grouping: Unicode.Scalar?
    var precision: Int?
    var conversion: Unicode.Scalar?

    /// Widths and precisions beyond this are refused before anything is made.
    static let maxWidth = 1 << 20

    func laidOut(sign: String, prefix: String = "", _ body: String, standard: Alignment, _ renderer: Renderer)
        throws(Fault) -> Text
    {
        try renderer.charge(elements: width)
        let padding = max(0, width - (sign + prefix + body).unicodeScalars.count)
        let fill = Text(Array(repeating: self.fill, count: padding))
        switch alignment ?? standard {
        case .left: return Text(sign + prefix + body) + fill
        case .right: return fill + Text(sign + prefix + body)
        case .signAware: return Text(sign + prefix) + fill + Text(body)
        case .center:
            let left = Text(fill.scalars.prefix(padding / 2))
            return left + Text(sign + prefix + body) + Text(fill.scalars.dropFirst(padding / 2))
        }
    }

    func integer(_ value: Int, radix: Int, uppercase: Bool, prefix: String, _ renderer: Renderer) throws(Fault) -> Text
    {
        var digits = String(value.magnitude, radix: radix, uppercase: uppercase)
        if let grouping { digits = Self.grouped(digits, by: radix == 10 ? 3 : 4, grouping) }
        let sign = value < 0 ? "-" : plusSign
        return try laidOut(sign: sign, prefix: isAlternate ? prefix : "", digits, standard: .right, renderer)
    }

    /// A float in `e`, `f` or `g` form, or its upper-case twin.
    func float(_ value: Double, _ conversion: Unicode.Scalar, suffix: String = "", _ renderer: Renderer) throws(Fault)
        -> Text
    {
        var body: String
        if value.isFinite {
            let precision = min(precision ?? 6, 400)
            body = NumberFormat.formatted(value.magnitude, conversion, precision: precision, alternate: isAlternate)
        } else {
            body = value.isNaN ? "nan" : "inf"
            if conversion.properties.isUppercase { body = body.uppercased() }
        }
        if let grouping {
            let whole = body.prefix { $0.isASCII && $0.isNumber }
            body = Self.grouped(String(whole), by: 3, grouping) + body.dropFirst(whole.count)
        }
        let isNegative = value.sign == .minus && !value.isNaN
        return try laidOut(sign: isNegative ? "-" : plusSign, body + suffix, standard: .right, renderer)
    }

    private static func grouped(_ digits: String, by size: Int, _ separator: Unicode.Scalar) -> String {
        var result = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % size == 0 { result.unicodeScalars.append(separator) }
            result.append(digit)
        }
        return result
    }
}
