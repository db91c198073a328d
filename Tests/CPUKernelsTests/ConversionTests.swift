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

private func rounded(_ x: Float, to type: punica_scalar) -> UInt16 {
    var word: UInt16 = 0
    punica_from_float(&word, [x], type, 1)
    return word
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

        @Test func `every half survives the way out and back`() {
            for word in everyWord {
                let value = halfValue(word)
                let back = rounded(Float(value), to: .float16)
                #expect(value.isNaN ? halfValue(back).isNaN : back == word)
            }
        }

        @Test func `narrowing takes the nearest and the even one of two`() {
            for word in UInt16(0)..<0x7bff {
                let (low, high) = (halfValue(word), halfValue(word + 1))
                let middle = Float((low + high) / 2)
                #expect(rounded(middle, to: .float16) == (word % 2 == 0 ? word : word + 1))
                #expect(rounded(middle.nextDown, to: .float16) == word)
                #expect(rounded(-middle.nextUp, to: .float16) == word + 1 | 0x8000)
            }
            for word in stride(from: UInt16(0), to: 0x7f7f, by: 7) {
                let middle = Float(bitPattern: UInt32(word) << 16 | 0x8000)
                #expect(rounded(middle, to: .bfloat16) == (word % 2 == 0 ? word : word + 1))
                #expect(rounded(middle.nextUp, to: .bfloat16) == word + 1)
            }
        }

        @Test func `overflow becomes infinity and nan stays nan`() {
            #expect(rounded(65_519.996, to: .float16) == 0x7bff && rounded(65_520, to: .float16) == 0x7c00)
            #expect(rounded(-.infinity, to: .float16) == 0xfc00)
            #expect(rounded(.greatestFiniteMagnitude, to: .bfloat16) == 0x7f80)
            #expect(rounded(.infinity, to: .bfloat16) == 0x7f80)
            for bits in [0x7f80_0001, 0x7fff_ffff, 0xff80_0001, 0x7fc0_0000] as [UInt32] {
                let nan = Float(bitPattern: bits)
                #expect(halfValue(rounded(nan, to: .float16)).isNaN)
                #expect(Float(bitPattern: UInt32(rounded(nan, to: .bfloat16)) << 16).isNaN)
            }
        }
    }
}
