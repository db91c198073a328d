/// e to the power of `x`, for `x <= 0`, within 3 units in the last place; 0 below -87 and for NaN.
///
/// Our own rather than the C library's, because it has no branch and so runs on several lanes at once, and because a
/// seed must give the same tokens whatever C library a machine has.
@inline(__always)
func exponential(_ x: Float) -> Float {
    // x = n · ln 2 + r with a whole n and |r| <= ln 2 / 2. Adding 1.5 · 2²³ rounds to whole numbers, and leaves n in
    // the sum's low bits. The high part of ln 2 has 9 bits, so that n times it is exact.
    let shifter: Float = 12_582_912
    let shifted = x * 1.442_695_04 + shifter
    let n = shifted - shifter
    let r = (x - n * 0.693_359_375) + n * 2.121_944_400_5e-4
    // The Taylor series to the 7th power: the next term is below 6e-9.
    var sum: Float = 1 / 5040
    sum = sum * r + 1 / 720
    sum = sum * r + 1 / 120
    sum = sum * r + 1 / 24
    sum = sum * r + 1 / 6
    sum = sum * r + 0.5
    sum = sum * r * r + r + 1
    // Wrapping is meant: for x in -87 ... 0, n is in -126 ... 0 and n + 127 is a valid exponent; others are dropped.
    let power = Float(bitPattern: (shifted.bitPattern &- shifter.bitPattern &+ 127) &<< 23)
    return x >= -87 ? sum * power : 0
}
