import CPUKernels
import TestSupport
import Testing

/// An adapter for one projection and the rows that use it.
private struct Segment {
    let rows: Range<Int>
    let rank: Int
    let scale: Float
    let a: StoredTensor
    let b: StoredTensor
    let columnScale: [Float]?

    init(rows: Range<Int>, rank: Int, inputs: Int, outputs: Int, scaled: Bool, using random: inout SplitMix) {
        self.rows = rows
        self.rank = rank
        scale = Float.random(in: 0.1...2, using: &random)
        a = StoredTensor(rank * inputs, type: scalarTypes[random.size(0...2)], using: &random)
        b = StoredTensor(outputs * rank, type: scalarTypes[random.size(0...2)], using: &random)
        columnScale = scaled ? random.floats(outputs) : nil
    }

    /// y as `punica_sgmv` must leave it, in double.
    func apply(_ y: inout [Double], ldy: Int, column: Int, outputs: Int, input: (_ row: Int, _ rank: Int) -> Double) {
        for row in rows {
            let v = (0..<rank).map { input(row, $0) }
            for n in 0..<outputs {
                let product = (0..<rank).reduce(0.0) { $0 + v[$1] * Double(b.values[n * rank + $1]) }
                let place = row * ldy + column + n
                y[place] = (y[place] + Double(scale) * product) * Double(columnScale?[n] ?? 1)
            }
        }
    }
}

/// Calls `body` with C structs for `segments`, limited to the part of each that lies in `rows`.
private func withCSegments<R>(
    _ segments: [Segment],
    rows: Range<Int>,
    _ body: (UnsafePointer<punica_segment>?) -> R
) -> R {
    func extend(_ built: [punica_segment], _ rest: ArraySlice<Segment>) -> R {
        guard let segment = rest.first else { return built.withUnsafeBufferPointer { body($0.baseAddress) } }
        return segment.a.withPointer { a in
            segment.b.withPointer { b in
                (segment.columnScale ?? []).withUnsafeBufferPointer { columnScale in
                    let part = segment.rows.clamped(to: rows)
                    let value = punica_segment(
                        row_start: Int32(part.lowerBound),
                        row_end: Int32(part.upperBound),
                        rank: Int32(segment.rank),
                        scale: segment.scale,
                        a: a,
                        b: b,
                        a_type: segment.a.type,
                        b_type: segment.b.type,
                        column_scale: segment.columnScale == nil ? nil : columnScale.baseAddress
                    )
                    return extend(built + [value], rest.dropFirst())
                }
            }
        }
    }
    return extend([], segments[...])
}

/// A batch with random segments over a group of projections that share x; some rows have no adapter.
private struct Batch {
    let rows: Int, inputs: Int, ldx: Int, ldy: Int
    let x: [Float]
    let before: [Float]
    let widths: [Int]
    let segments: [[Segment]]

    init(rows: Int, inputs: Int, widths: [Int], ranks: ClosedRange<Int>, using random: inout SplitMix) {
        (self.rows, self.inputs, self.widths) = (rows, inputs, widths)
        ldx = inputs + random.size(0...2)
        ldy = widths.reduce(0, +) + random.size(0...2)
        x = random.floats(rows * ldx)
        before = random.floats(rows * ldy)
        var ranges: [Range<Int>] = []
        var row = 0
        while row < rows {
            let end = min(rows, row + random.size(0...max(1, rows / 2)))
            if random.size(0...3) > 0 { ranges.append(row..<end) }
            row = max(end, row + 1)
        }
        segments = widths.map { width in
            ranges.compactMap { range in
                random.size(0...4) == 0
                    ? nil
                    : Segment(
                        rows: range,
                        rank: random.size(ranks),
                        inputs: inputs,
                        outputs: width,
                        scaled: random.size(0...2) == 0,
                        using: &random
                    )
            }
        }
    }

    func columns() -> [Int] { widths.indices.map { widths[..<$0].reduce(0, +) } }

    func expected() -> [Double] {
        var y = before.map(Double.init)
        for (index, column) in columns().enumerated() {
            for segment in segments[index] {
                segment.apply(&y, ldy: ldy, column: column, outputs: widths[index]) { row, r in
                    (0..<inputs).reduce(0.0) {
                        $0 + Double(x[row * ldx + $1]) * Double(segment.a.values[r * inputs + $1])
                    }
                }
            }
        }
        return y
    }

    /// The group over rows `part` in one call, or one call for every projection.
    func run(_ pool: Pool?, part: Range<Int>, grouped: Bool, into y: inout [Float]) {
        y.withUnsafeMutableBufferPointer { y in
            func extend(_ built: [punica_lora_projection], _ index: Int) {
                guard index < widths.count else {
                    let calls = grouped ? [built] : built.map { [$0] }
                    for call in calls { punica_sgmv(pool?.pointer, call, call.count, x, ldx, inputs) }
                    return
                }
                withCSegments(segments[index], rows: part) { pointer in
                    let projection = punica_lora_projection(
                        y: y.baseAddress.unsafelyUnwrapped + columns()[index],
                        ldy: ldy,
                        outputs: widths[index],
                        segments: pointer,
                        segment_count: segments[index].count
                    )
                    extend(built + [projection], index + 1)
                }
            }
            extend([], 0)
        }
    }
}

extension Kernels {
    @Suite struct LowRankTests {
        @Test func `segments of any rank and type equal the sum in double`() throws {
            var random = SplitMix(seed: 3)
            let pool = try Pool(threads: 3)
            try onEveryInstructionSet { name in
                for round in 0..<20 {
                    let ranks = round % 10 == 0 ? 500...512 : 1...40
                    let batch = Batch(
                        rows: random.size(1...24),
                        inputs: random.size(1...100),
                        widths: (0..<random.size(1...3)).map { _ in random.size(1...(round % 5 == 1 ? 600 : 40)) },
                        ranks: ranks,
                        using: &random
                    )
                    var y = batch.before
                    batch.run(pool, part: 0..<batch.rows, grouped: true, into: &y)
                    try #require(relativeError(y, batch.expected()) < 2e-6, "\(name) round \(round)")
                }
            }
        }

        @Test func `rows without an adapter keep their bits`() throws {
            var random = SplitMix(seed: 4)
            let pool = try Pool(threads: 2)
            onEveryInstructionSet { name in
                let batch = Batch(rows: 50, inputs: 40, widths: [30], ranks: 1...20, using: &random)
                var y = batch.before
                batch.run(pool, part: 0..<50, grouped: true, into: &y)
                for row in 0..<50 where !batch.segments[0].contains(where: { $0.rows.contains(row) }) {
                    let cells = row * batch.ldy..<(row + 1) * batch.ldy
                    #expect(sameBits(y[cells], batch.before[cells]), "\(name) row \(row)")
                }
            }
        }

        @Test func `a row has the same bits alone, ungrouped and with any threads`() throws {
            var random = SplitMix(seed: 5)
            let pools = try [1, 4].map { try Pool(threads: $0) }
            try onEveryInstructionSet { name in
                for _ in 0..<6 {
                    let batch = Batch(
                        rows: random.size(1...90),
                        inputs: random.size(1...200),
                        widths: [300, 17, 64],
                        ranks: 1...40,
                        using: &random
                    )
                    var alone = batch.before
                    for row in 0..<batch.rows {
                        batch.run(nil, part: row..<row + 1, grouped: false, into: &alone)
                    }
                    for pool in pools {
                        var together = batch.before
                        batch.run(pool, part: 0..<batch.rows, grouped: true, into: &together)
                        try #require(sameBits(together, alone), "\(name)")
                    }
                }
            }
        }

        @Test func `an embedding's adapter picks columns of A`() throws {
            var random = SplitMix(seed: 6)
            let pool = try Pool(threads: 2)
            let (rows, hidden, vocabulary) = (9, 37, 50)
            let tokens = (0..<rows).map { _ in Int32(random.size(0...vocabulary - 1)) }
            let segments = [0..<4, 5..<9].enumerated().map { index, range in
                Segment(
                    rows: range,
                    rank: 5 + index * 8,
                    inputs: vocabulary,
                    outputs: hidden,
                    scaled: index == 1,
                    using: &random
                )
            }
            let before = random.floats(rows * hidden)
            var expected = before.map(Double.init)
            for segment in segments {
                segment.apply(&expected, ldy: hidden, column: 0, outputs: hidden) { row, r in
                    Double(segment.a.values[r * vocabulary + Int(tokens[row])])
                }
            }
            onEveryInstructionSet { name in
                var y = before
                withCSegments(segments, rows: 0..<rows) {
                    punica_embed_lora(pool.pointer, &y, hidden, tokens, $0, segments.count, hidden, vocabulary)
                }
                #expect(relativeError(y, expected) < 1e-6, "\(name)")
                #expect(sameBits(y[4 * hidden..<5 * hidden], before[4 * hidden..<5 * hidden]))
            }
        }
    }
}
