/// The seed of one of the `n` choices of a request.
///
/// Choice 0 has the request's own seed, so that asking for more choices does not change the first. The others take the
/// `choice`-th number that the generator SplitMix64 yields from it.
///
/// - Parameters:
///   - seed: the request's.
///   - choice: at least 0.
package func choiceSeed(_ seed: UInt64, choice: Int) -> UInt64 {
    guard choice > 0 else { return seed }
    var mixed = seed &+ UInt64(choice) &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
}
