/// What one operation left.
struct TracedOperation: Sendable {
    let name: String
    let values: [Float]
}

/// `‖value − reference‖ / ‖reference‖`; infinite when a number is not finite or the lengths differ.
func relativeError(_ values: [Float], _ reference: [Float]) -> Double {
    guard values.count == reference.count else { return .infinity }
    var (difference, norm) = (0.0, 0.0)
    for (value, expected) in zip(values, reference) {
        guard value.isFinite, expected.isFinite else { return .infinity }
        difference += Double(value - expected) * Double(value - expected)
        norm += Double(expected) * Double(expected)
    }
    return norm == 0 ? (difference == 0 ? 0 : .infinity) : (difference / norm).squareRoot()
}
