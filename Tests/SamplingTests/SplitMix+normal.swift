import TestSupport

extension SplitMix {
    /// A number of the standard normal distribution, by summing twelve uniform ones.
    mutating func normal() -> Float {
        (0..<12).reduce(Float(-6)) { sum, _ in sum + Float.random(in: 0..<1, using: &self) }
    }
}
