import Foundation
import Testing

@testable import Sampling

@Suite struct RandomNumberTests {
    /// The known answers published with Random123.
    @Test func `the generator gives the known answers`() {
        #expect(
            Philox(seed: 0).block(at: .zero) == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8)
        )
        #expect(
            Philox(seed: .max).block(at: SIMD4(repeating: .max))
                == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd)
        )
        #expect(
            Philox(seed: 0x299f_31d0_a409_3822).block(at: SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344))
                == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1)
        )
    }

    @Test func `uniform numbers fill 0 up to 1 evenly, for neighbouring seeds and positions alike`() {
        var bins = [Double](repeating: 0, count: 64)
        for seed in 0..<16 as Range<UInt64> {
            for position in 0..<1000 {
                let number = Philox(seed: seed).uniform(position: position)
                // A number outside stops the test here.
                bins[Int((number * 64).rounded(.down))] += 1
            }
        }
        let statistic = bins.reduce(0) { $0 + ($1 - 250) * ($1 - 250) / 250 }
        // 63 degrees of freedom: 103.4 is exceeded once in a thousand.
        #expect(statistic < 103.4)
    }

    @Test func `positions beyond 32 bits are told apart`() {
        let generator = Philox(seed: 1)
        #expect(generator.uniform(position: 5) != generator.uniform(position: 5 + 1 << 32))
    }

    @Test func `choices have seeds of their own, the first the request's`() {
        #expect(choiceSeed(1234, choice: 0) == 1234)
        #expect(choiceSeed(0, choice: 1) == 0xE220_A839_7B1D_CDAF)
        #expect(choiceSeed(0, choice: 2) == 0x6E78_9E6A_A1B9_65F4)
        let seeds = (0..<100).flatMap { seed in (0..<100).map { choiceSeed(UInt64(seed), choice: $0) } }
        #expect(Set(seeds).count == seeds.count)
    }

    @Test func `the exponential is right to 3 units in the last place`() {
        var worst = 0.0
        for step in 0...87_000 {
            let x = -Float(step) * 1e-3
            let exact = exp(Double(x))
            guard x >= -87 else { continue }
            worst = max(worst, abs(Double(exponential(x)) - exact) / exact)
        }
        #expect(worst < 3 * Double(Float.ulpOfOne), "\(worst)")
        #expect(exponential(0) == 1)
        #expect(exponential(-.leastNonzeroMagnitude) == 1)
        for x in [-87.5, -1e30, -.infinity, .nan] as [Float] { #expect(exponential(x) == 0) }
    }
}
