/// The functions every template can call.
enum GlobalFunction: String, Sendable {
    case cycler, dict, joiner, namespace, range
    case raiseException = "raise_exception"
    case strftimeNow = "strftime_now"

    func call(_ arguments: Arguments, _ renderer: Renderer) throws(Fault) -> Value {
        var arguments = arguments
        arguments.callee = rawValue
        switch self {
        case .cycler:
            guard !arguments.positional.isEmpty else { throw .evaluation("at least one item has to be provided") }
            let items = arguments.takeRest()
            guard items.named.isEmpty else { throw .evaluation("cycler() takes no keyword arguments") }
            return renderer.heap.addCycler(items.positional)
        case .dict: return .dictionary(try dictionary(&arguments, renderer))
        case .joiner:
            let separator = arguments.take("sep") ?? .string(", ")
            try arguments.finish()
            return renderer.heap.addJoiner(separator)
        case .namespace: return renderer.heap.addNamespace(try dictionary(&arguments, renderer))
        case .range: return try range(&arguments)
        case .raiseException:
            let message = try arguments.require("message")
            try arguments.finish()
            throw .raised(try renderer.string(of: message).string)
        case .strftimeNow:
            let format = try arguments.require("format")
            try arguments.finish()
            guard case .string(let text) = format else {
                throw .evaluation("strftime() argument 1 must be str, not \(format.typeName)")
            }
            try renderer.charge(elements: text.count * 32)
            return .string((renderer.clock ?? CalendarTime.now()).formatted(text.string))
        }
    }

    /// `dict(mapping or pairs, **names)`.
    private func dictionary(_ arguments: inout Arguments, _ renderer: Renderer) throws(Fault) -> ValueDictionary {
        var result = ValueDictionary()
        if let source = arguments.take() {
            if case .dictionary(let dictionary) = source {
                result = dictionary
            } else if case .undefined(let undefined) = source {
                throw undefined.fault
            } else {
                for pair in try renderer.elements(of: source) {
                    let parts = try renderer.elements(of: pair)
                    guard parts.count == 2 else {
                        throw .evaluation("dictionary update sequence element has length \(parts.count); 2 is required")
                    }
                    try renderer.charge(walking: parts[0])
                    try result.set(parts[0], to: parts[1])
                }
            }
        }
        let named = arguments.takeRest()
        guard named.positional.isEmpty else { throw .evaluation("\(rawValue) expected at most 1 argument") }
        for (name, value) in named.named { try result.set(.string(name), to: value) }
        return result
    }

    private func range(_ arguments: inout Arguments) throws(Fault) -> Value {
        guard let first = try arguments.takeInteger() else {
            throw .evaluation("range expected at least 1 argument, got 0")
        }
        let second = try arguments.takeInteger()
        let step = try arguments.takeInteger() ?? 1
        try arguments.finish()
        let (start, stop) = second.map { (first, $0) } ?? (0, first)
        guard step != 0 else { throw .evaluation("range() arg 3 must not be zero") }
        let distance = step > 0 ? stop.subtractingReportingOverflow(start) : start.subtractingReportingOverflow(stop)
        guard !distance.overflow, step != Int.min else { throw .integerOverflow }
        let count = distance.partialValue <= 0 ? 0 : (distance.partialValue - 1) / abs(step) + 1
        let bound = IntegerRange.maxCount
        guard count <= bound else {
            throw .evaluation("Range too big. The sandbox blocks ranges larger than MAX_RANGE (\(bound)).")
        }
        return .range(IntegerRange(start: start, stop: stop, step: step, count: count))
    }
}
