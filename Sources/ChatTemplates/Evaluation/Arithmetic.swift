#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Python's arithmetic on numbers: division rounds down, a remainder has the divisor's sign.
enum Arithmetic {
    static func apply(_ operation: BinaryOperator, _ left: Int, _ right: Int) throws(Fault) -> Value {
        switch operation {
        case .add: return .integer(try checked(left.addingReportingOverflow(right)))
        case .subtract: return .integer(try checked(left.subtractingReportingOverflow(right)))
        case .multiply: return .integer(try checked(left.multipliedReportingOverflow(by: right)))
        case .divide:
            guard right != 0 else { throw .evaluation("division by zero") }
            return .float(Double(left) / Double(right))
        case .floorDivide:
            guard right != 0 else { throw .evaluation("integer division or modulo by zero") }
            let quotient = try checked(left.dividedReportingOverflow(by: right))
            return .integer(left % right != 0 && (left < 0) != (right < 0) ? quotient - 1 : quotient)
        case .modulo:
            guard right != 0 else { throw .evaluation("integer modulo by zero") }
            let remainder = right == -1 ? 0 : left % right
            return .integer(remainder != 0 && (remainder < 0) != (right < 0) ? remainder + right : remainder)
        case .power: return try power(left, right)
        }
    }

    static func apply(_ operation: BinaryOperator, _ left: Double, _ right: Double) throws(Fault) -> Double {
        switch operation {
        case .add: return left + right
        case .subtract: return left - right
        case .multiply: return left * right
        case .divide:
            guard right != 0 else { throw .evaluation("float division by zero") }
            return left / right
        case .floorDivide:
            guard right != 0 else { throw .evaluation("float floor division by zero") }
            return floorDivided(left, right)
        case .modulo:
            guard right != 0 else { throw .evaluation("float modulo") }
            return remainder(left, right)
        case .power: return try power(left, right)
        }
    }

    private static func checked(_ result: (partialValue: Int, overflow: Bool)) throws(Fault) -> Int {
        guard !result.overflow else { throw .integerOverflow }
        return result.partialValue
    }

    private static func power(_ base: Int, _ exponent: Int) throws(Fault) -> Value {
        if exponent < 0 { return .float(try power(Double(base), Double(exponent))) }
        if base == 1 || exponent == 0 { return .integer(1) }
        if base == 0 { return .integer(0) }
        if base == -1 { return .integer(exponent % 2 == 0 ? 1 : -1) }
        guard exponent < Int.bitWidth else { throw .integerOverflow }
        var result = 1
        for _ in 0..<exponent { result = try checked(result.multipliedReportingOverflow(by: base)) }
        return .integer(result)
    }

    private static func power(_ base: Double, _ exponent: Double) throws(Fault) -> Double {
        if base == 0, exponent < 0 { throw .evaluation("0.0 cannot be raised to a negative power") }
        if base < 0, base.isFinite, exponent.isFinite, exponent != exponent.rounded() {
            throw .unsupported("a complex number")
        }
        let result = pow(base, exponent)
        if result.isInfinite, base.isFinite, exponent.isFinite { throw .evaluation("Numerical result out of range") }
        return result
    }

    private static func remainder(_ left: Double, _ right: Double) -> Double {
        let remainder = fmod(left, right)
        if remainder == 0 { return Double(signOf: right, magnitudeOf: 0) }
        return (remainder < 0) != (right < 0) ? remainder + right : remainder
    }

    private static func floorDivided(_ left: Double, _ right: Double) -> Double {
        let remainder = fmod(left, right)
        var quotient = (left - remainder) / right
        if remainder != 0, (remainder < 0) != (right < 0) { quotient -= 1 }
        guard quotient != 0 else { return Double(signOf: left / right, magnitudeOf: 0) }
        let floor = quotient.rounded(.down)
        return quotient - floor > 0.5 ? floor + 1 : floor
    }
}
