extension Renderer {
    func evaluateSlice(_ subject: Expression, _ slice: Slice) throws(Fault) -> Value {
        let value = try evaluate(subject)
        let start = try bound(slice.start)
        let stop = try bound(slice.stop)
        let step = try bound(slice.step)
        switch value {
        case .undefined(let undefined): throw undefined.fault
        case .string(let text):
            let places = try indices(start, stop, step, text.count)
            return .string(Text(places.map { text.scalars[$0] }, isMarkup: text.isMarkup))
        case .list(let items):
            return try .list(try indices(start, stop, step, items.values.count).map { items.values[$0] })
        case .tuple(let items):
            return try .tuple(try indices(start, stop, step, items.values.count).map { items.values[$0] })
        case .range(let range): return try sliced(range, start, stop, step)
        case .dictionary: throw .evaluation("unhashable type: 'slice'")
        default: throw .evaluation("'\(value.typeName)' object is not subscriptable")
        }
    }

    private func bound(_ expression: Expression?) throws(Fault) -> Int? {
        guard let expression else { return nil }
        let value = try evaluate(expression)
        if case .none = value { return nil }
        guard let index = value.integerValue else {
            throw .evaluation("slice indices must be integers or None or have an __index__ method")
        }
        return index
    }

    /// The places a slice of `count` elements takes, by Python's rules.
    private func indices(_ start: Int?, _ stop: Int?, _ step: Int?, _ count: Int) throws(Fault) -> StrideTo<Int> {
        // A longer step reaches no further and could overflow.
        let step = min(max(step ?? 1, -count - 1), count + 1)
        guard step != 0 else { throw .evaluation("slice step cannot be zero") }
        let bounds = step > 0 ? 0...count : -1...(count - 1)
        func clamped(_ index: Int?, _ missing: Int) -> Int {
            guard let index else { return missing }
            return min(max(index < 0 ? index + count : index, bounds.lowerBound), bounds.upperBound)
        }
        let first = clamped(start, step > 0 ? 0 : count - 1)
        let end = clamped(stop, step > 0 ? count : -1)
        let places = stride(from: first, to: end, by: step)
        try charge(elements: places.underestimatedCount)
        return places
    }

    private func sliced(_ range: IntegerRange, _ start: Int?, _ stop: Int?, _ step: Int?) throws(Fault) -> Value {
        let places = Array(try indices(start, stop, step, range.count))
        let stride = range.step.multipliedReportingOverflow(by: step ?? 1)
        guard !stride.overflow else { throw .integerOverflow }
        return try IntegerRange.make(
            start: places.first.map { range[$0] } ?? range.stop,
            step: stride.partialValue,
            count: places.count
        )
    }
}
