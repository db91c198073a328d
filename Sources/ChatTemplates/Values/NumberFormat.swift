#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Floats as Python prints them.
enum NumberFormat {
    /// `repr(float)`: the shortest digits that read back, an exponent below 1e-4 and from 1e16 on.
    static func shortest(_ value: Double) -> String {
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        let sign = value.sign == .minus ? "-" : ""
        if value == 0 { return sign + "0.0" }
        let (digits, point) = decimalDigits(value.magnitude)
        if point > 16 || point < -3 { return sign + exponential(digits, exponent: point - 1) }
        if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
        if digits.count <= point {
            return sign + digits + String(repeating: "0", count: point - digits.count) + ".0"
        }
        return sign + digits.prefix(point) + "." + digits.dropFirst(point)
    }

    /// `'%.*f' % value`, `%.*e` or `%.*g`, rounded half to even on the exact binary value.
    ///
    /// - Parameter precision: at most 400, so the text is below 800 bytes.
    static func formatted(_ value: Double, _ conversion: Unicode.Scalar, precision: Int, alternate: Bool) -> String {
        let format = "%\(alternate ? "#" : "").*\(conversion)"
        let bytes = withVaList([Int32(clamping: min(precision, 400)), value]) { arguments in
            var buffer = [CChar](repeating: 0, count: 800)
            let length = vsnprintf(&buffer, buffer.count, format, arguments)
            return buffer.prefix(max(0, Int(length))).map { UInt8(bitPattern: $0) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `round(value, digits)`.
    static func rounded(_ value: Double, digits: Int) -> Double {
        guard value.isFinite else { return value }
        if digits > 330 { return value }
        if digits < -330 { return 0 * value }
        if digits >= 0 { return Double(formatted(value, "f", precision: digits, alternate: false)) ?? value }
        // Rounding to tens and up: the exact integer part decides, ties by the digits that follow.
        let text = formatted(value.magnitude, "f", precision: 400, alternate: false)
        return value.sign == .minus ? -roundedLeft(text, digits: -digits) : roundedLeft(text, digits: -digits)
    }

    private static func roundedLeft(_ text: String, digits: Int) -> Double {
        let whole = Array(text.prefix { $0 != "." }.utf8).map { Int($0) - 48 }
        let fraction = text.drop { $0 != "." }.dropFirst()
        guard whole.count >= digits else { return 0 }
        var kept = Array(whole.prefix(whole.count - digits))
        let dropped = whole.suffix(digits)
        let tail = dropped.dropFirst().contains { $0 != 0 } || fraction.contains { $0 != "0" }
        let lead = dropped.first ?? 0
        if lead > 5 || (lead == 5 && (tail || (kept.last ?? 0) % 2 == 1)) { increment(&kept) }
        return Double(kept.map(String.init).joined() + "e\(digits)") ?? 0
    }

    private static func increment(_ digits: inout [Int]) {
        var index = digits.count - 1
        while index >= 0, digits[index] == 9 {
            digits[index] = 0
            index -= 1
        }
        if index < 0 { digits.insert(1, at: 0) } else { digits[index] += 1 }
    }

    /// The shortest digits of a positive finite value, and where the decimal point stands relative to their start.
    private static func decimalDigits(_ value: Double) -> (digits: String, point: Int) {
        let parts = value.description.split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let whole = String(mantissa[0])
        let fraction = mantissa.count > 1 ? String(mantissa[1]) : ""
        var point = whole.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        var digits = Substring(whole + fraction)
        while digits.first == "0", digits.count > 1 {
            digits.removeFirst()
            point -= 1
        }
        while digits.last == "0", digits.count > 1 { digits.removeLast() }
        return (String(digits), point)
    }

    private static func exponential(_ digits: String, exponent: Int) -> String {
        let fraction = digits.dropFirst()
        let magnitude = abs(exponent)
        let padded = magnitude < 10 ? "0\(magnitude)" : "\(magnitude)"
        return "\(digits.prefix(1))\(fraction.isEmpty ? "" : ".")\(fraction)e\(exponent < 0 ? "-" : "+")\(padded)"
    }
}
