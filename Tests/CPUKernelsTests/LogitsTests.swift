import CPUKernels
import TestSupport
import Testing

extension Kernels {
    @Suite struct LogitsTests {
        private let lengths = [1, 2, 7, 8, 33, 64, 100, 1000, 32_003]

        @Test func `argmax takes the first of the largest and never a nan`() {
            var random = SplitMix(seed: 15)
            onEveryInstructionSet { _ in
                for length in lengths {
                    var x = random.floats(length)
                    let (first, second) = (random.size(0...length - 1), random.size(0...length - 1))
                    x[first] = 5
                    x[second] = 5
                    #expect(punica_argmax(x, length) == min(first, second))
                    for index in x.indices where index != first { x[index] = .nan }
                    #expect(punica_argmax(x, length) == first)
                    #expect(punica_maximum(x, length) == 5)
                }
                #expect(punica_argmax([.nan, .nan], 2) == 0)
                #expect(punica_argmax([.nan, -.infinity], 2) == 1)
                #expect(punica_argmax([-.infinity, .infinity, .infinity], 3) == 1)
                #expect(punica_maximum([.nan], 1) == -.infinity)
            }
        }

        @Test func `log sum exp and softmax equal double`() {
            var random = SplitMix(seed: 16)
            onEveryInstructionSet { name in
                for length in lengths {
                    let x = random.floats(length).map { $0 * 20 + 90 }
                    let total = x.reduce(0.0) { $0 + exp(Double($1) - 100) }
                    #expect(abs(exp(punica_log_sum_exp(x, length) - 100) / total - 1) < 1e-6, "\(name) \(length)")
                    var y = x
                    punica_softmax(&y, x, length)
                    #expect(largestDifference(y, x.map { exp(Double($0) - 100) / total }) < 1e-6)
                    var inPlace = x
                    inPlace.withUnsafeMutableBufferPointer { punica_softmax($0.baseAddress, $0.baseAddress, length) }
                    #expect(sameBits(inPlace, y))
                }
            }
        }

        @Test func `masked, infinite and broken logits`() {
            onEveryInstructionSet { _ in
                var y = [Float](repeating: -1, count: 4)
                punica_softmax(&y, [-.infinity, 0, .nan, 0], 4)
                #expect(y == [0, 0.5, 0, 0.5])
                #expect(abs(exp(punica_log_sum_exp([-.infinity, 0, .nan, 0], 4)) - 2) < 1e-6)
                punica_softmax(&y, [.infinity, 0, .infinity, .nan], 4)
                #expect(y == [0.5, 0, 0.5, 0])
                #expect(punica_log_sum_exp([.infinity, 0], 2) == .infinity)
                punica_softmax(&y, [.nan, -.infinity, .nan, .nan], 4)
                #expect(y == [0, 0, 0, 0])
                #expect(punica_log_sum_exp([.nan, -.infinity], 2) == -.infinity)
                punica_scale(&y, 0, 3)
                var x: [Float] = [1, -2]
                punica_scale(&x, 2, 0.5)
                #expect(x == [0.5, -1])
            }
        }
    }
}
