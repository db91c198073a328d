import CPUKernels
import Testing

/// Exactly what the 16 bits of a half mean.
private func halfValue(_ bits: UInt16) -> Double {
    let (exponent, fraction) = (Int(bits >> 10 & 0x1f), Double(bits & 0x3ff))
    let sign: Double = bits >> 15 == 1 ? -1 : 1
    if exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
    if exponent == 0 { return sign * fraction * Double(sign: .plus, exponent: -24, significand: 1) }
    return sign * (1 + fraction / 1024) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
}

extension Kernels {
    @Suite struct ConversionTests {
        private let everyWord = (0...UInt16.max).map { $0 }

        @Test func `every half and bfloat16 widens exactly`() {
            onEveryInstructionSet { name in
                var (halves, brains) = ([Float](repeating: 0, count: 65_536), [Float](repeating: 0, count: 65_536))
                punica_to_float(&halves, everyWord, .float16, 65_536)
                punica_to_float(&brains, everyWord, .bfloat16, 65_536)
                for word in everyWord {
                    let half = halves[Int(word)]
                    let expected = halfValue(word)
                    #expect(Double(half) == expected || half.isNaN && expected.isNaN, "\(name) \(word)")
                    #expect(half.sign == (word >> 15 == 1 ? .minus : .plus) || half.isNaN)
                    #expect(brains[Int(word)].bitPattern == UInt32(word) << 16, "\(name) \(word)")
                }
            }
        }

        @Test func `a value's place does not change its conversion`() {
            onEveryInstructionSet { _ in
                for type in [punica_scalar.float16, .bfloat16] {
                    var whole = [Float](repeating: 0, count: 100)
                    punica_to_float(&whole, everyWord, type, 100)
                    for count in 1..<100 {
                        var part = [Float](repeating: -1, count: count + 1)
                        punica_to_float(&part, everyWord, type, count)
                        #expect(sameBits(part.dropLast(), whole[..<count]) && part[count] == -1)
                    }
                }
            }
        }
    }
}
