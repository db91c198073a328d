/// The seeds of a request's choices: the caller's own for the first, unrelated ones for the others.
///
/// A request with a seed therefore repeats exactly, and its first choice is that of the same request with `n` = 1.
struct SeedSequence {
    /// Nil draws every seed afresh.
    let seed: UInt64?

    /// - Parameter choice: from 0.
    func seed(choice: Int) -> UInt64 {
        guard let seed else { return .random(in: .min ... .max) }
        return choice == 0 ? seed : Self.mixed(seed &+ UInt64(choice) &* 0x9E37_79B9_7F4A_7C15)
    }

    /// The finalizer of SplitMix64: a bijection, so distinct inputs stay distinct.
    private static func mixed(_ input: UInt64) -> UInt64 {
        var value = input
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
