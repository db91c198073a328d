extension Filter {
    static let numbers: [String: Function] = [
        "abs": { (value, _, _) throws(Fault) in try absolute(value) },
        "filesizeformat": { (value, arguments, _) throws(Fault) in try fileSize(value, &arguments) },
        "float": { (value, arguments, _) throws(Fault) in try float(value, &arguments) },
        "int": { (value, arguments, _) throws(Fault) in try integer(value, &arguments) },
        "round": { (value, arguments, _) throws(Fault) in try round(value, &arguments) },
    ]

    private static func absolute(_ value: Value) throws(Fault) -> Value {
        if case .float(let float) = value { return .float(float.magnitude) }
        guard let integer = value.integerValue else {
            throw .evaluation("bad operand type for abs(): '\(value.typeName)'")
        }
        guard integer != Int.min else { throw .integerOverflow }
        return .integer(abs(integer))
    }

    private static func integer(_ value: Value, _ arguments: inout Arguments) throws(Fault) -> Value {
        let standard = arguments.take("default") ?? .integer(0)
        let base = try arguments.takeInteger("base") ?? 10
        switch value {
        case .undefined(let undefined): throw undefined.fault
        case .bool, .integer: return .integer(value.integerValue ?? 0)
        case .float(let float):
            guard !float.isInfinite else { throw .evaluation("cannot convert float infinity to integer") }
            return float.isNaN ? standard : try truncated(float)
        case .string(let text):
            if let integer = try NumberParsing.integer(text, base: base) { return .integer(integer) }
            guard let float = NumberParsing.float(text), float.isFinite else { return standard }
            return try truncated(float)
        default: return standard
        }
    }

    private static func truncated(_ float: Double) throws(Fault) -> Value {
        guard let integer = Int(exactly: float.rounded(.towardZero)) else { throw .integerOverflow }
        return .integer(integer)
    }

    private static func float(_ value: Value, _ arguments: inout Arguments) throws(Fault) -> Value {
        let standard = arguments.take("default") ?? .float(0)
        if case .undefined(let undefined) = value { throw undefined.fault }
        if let float = value.floatValue { return .float(float) }
        if case .string(let text) = value, let float = NumberParsing.float(text) { return .float(float) }
        return standard
    }

    private static func round(_ value: Value, _ arguments: inout Arguments) throws(Fault) -> Value {
        let precision = try arguments.takeInteger("precision") ?? 0
        let method = try arguments.takeText("method")?.string ?? "common"
        guard ["common", "ceil", "floor"].contains(method) else {
            throw .evaluation("method must be common, ceil or floor")
        }
        guard let float = value.floatValue else {
            if case .undefined(let undefined) = value, method != "common" { throw undefined.fault }
            throw .evaluation("type \(value.typeName) doesn't define __round__ method")
        }
        if method == "common" {
            if let integer = value.integerValue { return .integer(try rounded(integer, digits: precision)) }
            return .float(NumberFormat.rounded(float, digits: precision))
        }
        guard precision.magnitude <= 22 else { throw .evaluation("precision \(precision) is out of range") }
        let scale = try scale(precision)
        let scaled = float * scale
        guard scaled.isFinite else { throw .evaluation("cannot convert float infinity or NaN to integer") }
        return .float(scaled.rounded(method == "ceil" ? .up : .down) / scale + 0)
    }

    private static func scale(_ precision: Int) throws(Fault) -> Double {
        try Arithmetic.apply(.power, 10, Double(precision))
    }

    /// Rounds to tens, hundreds and so on for negative digits, ties to even.
    private static func rounded(_ value: Int, digits: Int) throws(Fault) -> Int {
        guard digits < 0 else { return value }
        guard digits >= -18 else { return 0 }
        var unit = 1
        for _ in 0..<(-digits) { unit *= 10 }
        let remainder = value.magnitude % UInt(unit)
        var units = Int(value.magnitude / UInt(unit))
        let half = UInt(unit) / 2
        if remainder > half || (remainder == half && units % 2 == 1) { units += 1 }
        let product = units.multipliedReportingOverflow(by: unit)
        guard !product.overflow else { throw .integerOverflow }
        return value < 0 ? -product.partialValue : product.partialValue
    }

    private static func fileSize(_ value: Value, _ arguments: inout Arguments) throws(Fault) -> Value {
        let isBinary = arguments.takeFlag("binary")
        var parsed = value.floatValue
        if case .string(let text) = value { parsed = NumberParsing.float(text) }
        if case .undefined(let undefined) = value { throw undefined.fault }
        guard let bytes = parsed, bytes.isFinite else { throw .evaluation("could not convert to float") }
        let base: Double = isBinary ? 1024 : 1000
        if bytes == 1 { return "1 Byte" }
        if bytes < base {
            return .string(
                "\(NumberFormat.formatted(bytes.rounded(.towardZero), "f", precision: 0, alternate: false)) Bytes"
            )
        }
        var unit = base
        var prefix = "k"
        for candidate in ["k", "M", "G", "T", "P", "E", "Z", "Y"] {
            prefix = isBinary ? candidate.uppercased() + "i" : candidate
            unit *= base
            if bytes < unit { break }
        }
        let number = NumberFormat.formatted(base * bytes / unit, "f", precision: 1, alternate: false)
        return .string("\(number) \(prefix)B")
    }
}
