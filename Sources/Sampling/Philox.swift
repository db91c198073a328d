/// The counter-based generator Philox4x32-10: a block cipher on numbers, so that any draw can be made without the ones
/// before it.
///
/// A request resumed elsewhere continues with the numbers it would have had.
///
/// - SeeAlso: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
package struct Philox: Sendable {
    private let key: SIMD2<UInt32>

    /// - Parameter seed: any value; each gives an independent stream.
    package init(seed: UInt64) {
        key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    }

    /// The 128 random bits at a place of the stream.
    package func block(at counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
        var state = counter
        var key = key
        for _ in 0..<10 {
            let first = UInt64(state.x) &* 0xD251_1F53
            let second = UInt64(state.z) &* 0xCD9E_8D57
            state = SIMD4(
                UInt32(truncatingIfNeeded: second >> 32) ^ state.y ^ key.x,
                UInt32(truncatingIfNeeded: second),
                UInt32(truncatingIfNeeded: first >> 32) ^ state.w ^ key.y,
                UInt32(truncatingIfNeeded: first)
            )
            // Weyl sequences by the golden ratio and by the square root of 3 less 1.
            key &+= SIMD2(0x9E37_79B9, 0xBB67_AE85)
        }
        return state
    }

    /// The number drawn for the token at `position`: uniform in `[0, 1)`, a multiple of 2⁻⁵³.
    ///
    /// - Parameter position: at least 0; the token's place in the sequence.
    package func uniform(position: Int) -> Double {
        let place = UInt64(position)
        let low = UInt32(truncatingIfNeeded: place)
        let bits = block(at: SIMD4(low, UInt32(truncatingIfNeeded: place >> 32), 0, 0))
        return Double((UInt64(bits.y) << 32 | UInt64(bits.x)) >> 11) * 0x1p-53
    }
}
