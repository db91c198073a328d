import CPUKernels
import TestSupport
import Testing

extension Kernels {
    @Suite struct RowTests {
        @Test func `rms norm equals double and a row's bits do not depend on its neighbours`() throws {
            var random = SplitMix(seed: 8)
            let pool = try Pool(threads: 3)
            onEveryInstructionSet { name in
                for size in [1, 7, 8, 31, 64, 100, 2048, 2051] {
                    let rows = 60
                    let (ldx, ldy) = (size + 3, size + 1)
                    let (x, weight) = (random.floats(rows * ldx), random.floats(size))
                    var y = [Float](repeating: 0, count: rows * ldy)
                    punica_rms_norm(pool.pointer, &y, ldy, x, ldx, weight, rows, size, 1e-5)
                    for row in 0..<rows {
                        let values = x[row * ldx..<row * ldx + size]
                        let squares = values.reduce(0.0) { $0 + Double($1) * Double($1) }
                        let factor = 1 / (squares / Double(size) + 1e-5).squareRoot()
                        let expected = zip(values, weight).map { Double($0) * factor * Double($1) }
                        #expect(relativeError(y[row * ldy..<row * ldy + size], expected) < 3e-7, "\(name) \(size)")
                        var alone = [Float](repeating: 0, count: size)
                        punica_rms_norm(nil, &alone, size, Array(values), size, weight, 1, size, 1e-5)
                        #expect(sameBits(alone, y[row * ldy..<row * ldy + size]), "\(name) \(size)")
                    }
                }
            }
        }

        @Test func `heads are normalized one by one in place`() throws {
            var random = SplitMix(seed: 9)
            onEveryInstructionSet { _ in
                let (rows, heads, size, ld) = (3, 4, 20, 90)
                let (before, weight) = (random.floats(rows * ld), random.floats(size))
                var (x, expected) = (before, before)
                punica_rms_norm_heads(nil, &x, ld, weight, rows, heads, size, 1e-6)
                for row in 0..<rows {
                    for head in 0..<heads {
                        let start = row * ld + head * size
                        let piece = Array(before[start..<start + size])
                        var out = piece
                        punica_rms_norm(nil, &out, size, piece, size, weight, 1, size, 1e-6)
                        expected.replaceSubrange(start..<start + size, with: out)
                    }
                }
                #expect(sameBits(x, expected))
            }
        }

        @Test func `sums touch only their columns`() throws {
            var random = SplitMix(seed: 10)
            let pool = try Pool(threads: 3)
            let (rows, columns, ldx, ldy) = (300, 130, 133, 131)
            let (x, y, bias) = (random.floats(rows * ldx), random.floats(rows * ldy), random.floats(columns))
            var (sum, biased, expectedSum, expectedBiased) = (x, x, x, x)
            for row in 0..<rows {
                for i in 0..<columns {
                    expectedSum[row * ldx + i] += y[row * ldy + i]
                    expectedBiased[row * ldx + i] += bias[i]
                }
            }
            punica_add(pool.pointer, &sum, ldx, y, ldy, rows, columns)
            punica_add_bias(pool.pointer, &biased, ldx, bias, rows, columns)
            #expect(sameBits(sum, expectedSum) && sameBits(biased, expectedBiased))
        }

        @Test func `silu times up is accurate everywhere and the same in every lane`() throws {
            var random = SplitMix(seed: 11)
            let pool = try Pool(threads: 2)
            onEveryInstructionSet { name in
                for size in [1, 5, 8, 19, 333] {
                    let rows = 40
                    let ld = 2 * size + 1
                    let input = random.floats(rows * ld).map { $0 * 30 }
                    var out = [Float](repeating: 0, count: rows * size)
                    punica_silu_mul(pool.pointer, &out, size, input, ld, rows, size)
                    for row in 0..<rows {
                        for i in 0..<size {
                            let (gate, up) = (input[row * ld + i], input[row * ld + size + i])
                            let expected = Double(gate) / (1 + exp(-Double(gate))) * Double(up)
                            let actual = out[row * size + i]
                            #expect(abs(Double(actual) - expected) <= abs(expected) * 1e-6, "\(name) \(gate)")
                            var alone: Float = 0
                            punica_silu_mul(nil, &alone, 1, [gate, up], 2, 1, 1)
                            #expect(alone.bitPattern == actual.bitPattern, "\(name) \(gate)")
                        }
                    }
                }
            }
        }

        @Test func `silu of the extremes`() {
            onEveryInstructionSet { _ in
                func silu(_ gate: Float) -> Float {
                    var out: Float = 7
                    punica_silu_mul(nil, &out, 1, [gate, 1], 2, 1, 1)
                    return out
                }
                #expect(silu(0) == 0 && silu(100) == 100 && silu(.infinity) == .infinity)
                #expect(abs(silu(-88)) < 1e-35 && silu(-200) == 0)
                #expect(silu(.nan).isNaN)
            }
        }

        @Test func `rotation pairs an element with the one half a head away`() throws {
            var random = SplitMix(seed: 12)
            let pool = try Pool(threads: 3)
            for size in [2, 8, 10, 128] {
                let (rows, heads, places) = (70, 5, 40)
                let ld = heads * size + 4
                let before = random.floats(rows * ld)
                let (cosine, sine) = (random.floats(places * size / 2), random.floats(places * size / 2))
                let positions = (0..<rows).map { _ in Int32(random.size(0...places - 1)) }
                var x = before
                punica_rope(pool.pointer, &x, ld, rows, heads, size, positions, cosine, sine)
                var expected = before
                for row in 0..<rows {
                    for head in 0..<heads {
                        for i in 0..<size / 2 {
                            let low = row * ld + head * size + i
                            let (c, s) = (
                                cosine[Int(positions[row]) * size / 2 + i], sine[Int(positions[row]) * size / 2 + i]
                            )
                            expected[low] = before[low] * c - before[low + size / 2] * s
                            expected[low + size / 2] = before[low + size / 2] * c + before[low] * s
                        }
                    }
                }
                #expect(sameBits(x, expected))
            }
        }

        @Test(arguments: scalarTypes) func `an embedding is its row of the table`(type: punica_scalar) throws {
            var random = SplitMix(seed: 13)
            let pool = try Pool(threads: 2)
            onEveryInstructionSet { _ in
                for size in [1, 9, 16, 77] {
                    let table = StoredTensor(30 * size, type: type, using: &random)
                    let tokens: [Int32] = [29, 0, 7, 7]
                    var y = [Float](repeating: -1, count: 4 * (size + 1))
                    table.withPointer { punica_embed(pool.pointer, &y, size + 1, $0, type, tokens, 4, size) }
                    for (row, token) in tokens.enumerated() {
                        let expected = table.values[Int(token) * size..<(Int(token) + 1) * size]
                        #expect(sameBits(y[row * (size + 1)..<row * (size + 1) + size], expected))
                        #expect(y[row * (size + 1) + size] == -1)
                    }
                }
            }
        }
    }
}
