import CPUKernels
import TestSupport
import Testing

/// One random product and the answer in double.
private struct Product {
    let m: Int, n: Int, k: Int, ldx: Int, ldy: Int
    let x: [Float]
    let w: StoredTensor
    let before: [Float]

    init(type: punica_scalar, m: Int, n: Int, k: Int, using random: inout SplitMix) {
        (self.m, self.n, self.k) = (m, n, k)
        ldx = k + random.size(0...3)
        ldy = n + random.size(0...3)
        x = random.floats(m * ldx)
        w = StoredTensor(n * k, type: type, using: &random)
        before = random.floats(m * ldy)
    }

    /// `before` with the product in its place.
    var expected: [Double] {
        var y = before.map(Double.init)
        for row in 0..<m {
            for column in 0..<n {
                var sum = 0.0
                for i in 0..<k { sum += Double(x[row * ldx + i]) * Double(w.values[column * k + i]) }
                y[row * ldy + column] = sum
            }
        }
        return y
    }

    /// Rows `rows` of the product, computed together; other rows of the result stay as they were.
    func run(_ pool: Pool?, rows: Range<Int>, into y: inout [Float]) {
        x.withUnsafeBufferPointer { x in
            y.withUnsafeMutableBufferPointer { y in
                w.withPointer { w in
                    punica_matmul(
                        pool?.pointer,
                        y.baseAddress.unsafelyUnwrapped + rows.lowerBound * ldy,
                        ldy,
                        x.baseAddress.unsafelyUnwrapped + rows.lowerBound * ldx,
                        ldx,
                        w,
                        self.w.type,
                        rows.count,
                        n,
                        k
                    )
                }
            }
        }
    }
}

extension Kernels {
    @Suite struct MatmulTests {
        @Test(arguments: scalarTypes) func `a product equals the sum in double`(type: punica_scalar) throws {
            var random = SplitMix(seed: 1)
            let pool = try Pool(threads: 3)
            try onEveryInstructionSet { name in
                for round in 0..<24 {
                    let longest = round % 8 == 0 ? 1300 : 80
                    let product = Product(
                        type: type,
                        m: random.size(1...70),
                        n: random.size(1...60),
                        k: random.size(1...longest),
                        using: &random
                    )
                    var y = product.before
                    product.run(pool, rows: 0..<product.m, into: &y)
                    let error = relativeError(y, product.expected)
                    try #require(error < 1e-6, "\(name) m \(product.m) n \(product.n) k \(product.k)")
                }
            }
        }

        @Test(arguments: scalarTypes) func `a row has the same bits alone as in any batch`(type: punica_scalar) throws {
            var random = SplitMix(seed: 2)
            let pools = try [1, 2, 5].map { try Pool(threads: $0) }
            try onEveryInstructionSet { name in
                for (m, n, k) in [(70, 50, 1100), (5, 7, 33), (12, 100, 64), (13, 100, 64), (64, 3, 7), (1, 1, 1)] {
                    let product = Product(type: type, m: m, n: n, k: k, using: &random)
                    var alone = product.before
                    for row in 0..<m {
                        product.run(nil, rows: row..<row + 1, into: &alone)
                    }
                    for pool in pools {
                        var together = product.before
                        product.run(pool, rows: 0..<m, into: &together)
                        try #require(sameBits(together, alone), "\(name) m \(m) n \(n) k \(k)")
                    }
                    let cut = random.size(0...m)
                    var chunked = product.before
                    product.run(pools[1], rows: 0..<cut, into: &chunked)
                    product.run(pools[2], rows: cut..<m, into: &chunked)
                    try #require(sameBits(chunked, alone), "\(name) cut at \(cut)")
                }
            }
        }

        @Test func `no inputs means zero, no rows means nothing`() throws {
            onEveryInstructionSet { _ in
                var y: [Float] = [7, 7, 7]
                let x: [Float] = [1]
                punica_matmul(nil, &y, 3, x, 1, x, .float32, 1, 2, 0)
                #expect(y == [0, 0, 7])
                punica_matmul(nil, &y, 3, x, 1, x, .float32, 0, 2, 1)
                #expect(y == [0, 0, 7])
            }
        }

        @Test(arguments: scalarTypes) func `infinity and nan reach only their own outputs`(type: punica_scalar) {
            onEveryInstructionSet { name in
                for k in [3, 8, 19, 40] {
                    var weights = [Float](repeating: 1, count: 3 * k)
                    weights[0] = .infinity
                    weights[3 * k - 1] = .nan
                    let w = StoredTensor(weights, type: type)
                    let x = [Float](repeating: 1, count: k)
                    var y: [Float] = [0, 0, 0]
                    w.withPointer { punica_matmul(nil, &y, 3, x, k, $0, type, 1, 3, k) }
                    #expect(y[0] == .infinity && y[1] == Float(k) && y[2].isNaN, "\(name) k \(k)")
                }
            }
        }
    }
}
