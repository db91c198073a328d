import CPUKernels
import TestSupport
import Testing

/// Sequences with a history, keys and values in shuffled pages, and NaN wherever no query may look.
private struct PagedBatch {
    let heads: Int, kvHeads: Int, headSize: Int, pageSize: Int, window: Int
    /// Per sequence the rows of this batch: positions `history ..< history + new`.
    let sequences: [(history: Int, new: Int)]
    var keys: [Float], values: [Float]
    let queries: [Float]
    var pageStarts: [Int32] = [0], pageIndices: [Int32] = []

    init(
        heads: Int,
        kvHeads: Int,
        headSize: Int,
        pageSize: Int,
        window: Int,
        sequences: [(history: Int, new: Int)],
        seed: UInt64,
        pageOrder: UInt64
    ) {
        var random = SplitMix(seed: seed)
        var order = SplitMix(seed: pageOrder)
        (self.heads, self.kvHeads, self.headSize) = (heads, kvHeads, headSize)
        (self.pageSize, self.window, self.sequences) = (pageSize, window, sequences)
        for sequence in sequences {
            let pages = (sequence.history + sequence.new + pageSize - 1) / pageSize
            pageIndices += (0..<pages).map { _ in 0 }
            pageStarts.append(Int32(pageIndices.count))
        }
        let spare = 3
        let shuffled = (0..<pageIndices.count + spare).shuffled(using: &order)
        for index in pageIndices.indices { pageIndices[index] = Int32(shuffled[index]) }
        let cells = (pageIndices.count + spare) * kvHeads * pageSize * headSize
        keys = [Float](repeating: .nan, count: cells)
        values = keys
        queries = random.floats(sequences.reduce(0) { $0 + $1.new } * heads * headSize)
        for (index, sequence) in sequences.enumerated() {
            for position in 0..<sequence.history + sequence.new {
                for head in 0..<kvHeads {
                    let start = offset(sequence: index, position: position, head: head)
                    keys.replaceSubrange(start..<start + headSize, with: random.floats(headSize))
                    values.replaceSubrange(start..<start + headSize, with: random.floats(headSize))
                }
            }
        }
    }

    func offset(sequence: Int, position: Int, head: Int) -> Int {
        let page = Int(pageIndices[Int(pageStarts[sequence]) + position / pageSize])
        return ((page * kvHeads + head) * pageSize + position % pageSize) * headSize
    }

    private func expectedHead(sequence: Int, position: Int, query: ArraySlice<Float>, kvHead: Int) -> [Double] {
        let first = window > 0 ? max(0, position - window + 1) : 0
        let starts = (first...position).map { offset(sequence: sequence, position: $0, head: kvHead) }
        let scores = starts.map { start in
            zip(query, keys[start..<start + headSize]).reduce(0.0) { $0 + Double($1.0) * Double($1.1) } * 0.3
        }
        let top = scores.reduce(-.infinity, max)
        let weights = scores.map { exp($0 - top) }
        let total = weights.reduce(0, +)
        return (0..<headSize).map { d in
            zip(weights, starts).reduce(0.0) { $0 + $1.0 * Double(values[$1.1 + d]) } / total
        }
    }

    func expected() -> [Double] {
        var out: [Double] = []
        for (index, sequence) in sequences.enumerated() {
            for position in sequence.history..<sequence.history + sequence.new {
                for head in 0..<heads {
                    let query = queries[out.count..<out.count + headSize]
                    out += expectedHead(
                        sequence: index,
                        position: position,
                        query: query,
                        kvHead: head / (heads / kvHeads)
                    )
                }
            }
        }
        return out
    }

    /// Attention of the new rows of some sequences, cut into calls of at most `chunk` rows each.
    func run(_ pool: Pool?, chunk: Int) -> [Float] {
        var out = [Float](repeating: 0, count: queries.count)
        var done = sequences.map { _ in 0 }
        let bases = sequences.indices.map { index in sequences[..<index].reduce(0) { $0 + $1.new } }
        while zip(done, sequences).contains(where: { $0 < $1.new }) {
            var rows: [Int] = []
            var positions: [Int32] = []
            var starts: [Int32] = [0]
            for index in sequences.indices {
                let take = min(chunk, sequences[index].new - done[index])
                rows += (0..<take).map { bases[index] + done[index] + $0 }
                positions += (0..<take).map { Int32(sequences[index].history + done[index] + $0) }
                starts.append(Int32(rows.count))
                done[index] += take
            }
            let width = heads * headSize
            let q = rows.flatMap { queries[$0 * width..<($0 + 1) * width] }
            let part = attend(pool, q: q, starts: starts, positions: positions)
            for (place, row) in rows.enumerated() {
                out.replaceSubrange(row * width..<(row + 1) * width, with: part[place * width..<(place + 1) * width])
            }
        }
        return out
    }

    private func attend(_ pool: Pool?, q: [Float], starts: [Int32], positions: [Int32]) -> [Float] {
        var out = [Float](repeating: .nan, count: q.count)
        q.withUnsafeBufferPointer { q in
            out.withUnsafeMutableBufferPointer { out in
                keys.withUnsafeBufferPointer { keys in
                    values.withUnsafeBufferPointer { values in
                        withIntegers([starts, positions, pageStarts, pageIndices]) { lists in
                            var batch = punica_attention_batch(
                                q: q.baseAddress,
                                ldq: heads * headSize,
                                out: out.baseAddress,
                                ldout: heads * headSize,
                                k_cache: keys.baseAddress,
                                v_cache: values.baseAddress,
                                heads: Int32(heads),
                                kv_heads: Int32(kvHeads),
                                head_size: Int32(headSize),
                                page_size: Int32(pageSize),
                                scale: 0.3,
                                window: Int32(window),
                                sequences: Int32(sequences.count),
                                sequence_starts: lists[0],
                                positions: lists[1],
                                page_starts: lists[2],
                                page_indices: lists[3]
                            )
                            punica_attention(pool?.pointer, &batch)
                        }
                    }
                }
            }
        }
        return out
    }
}

private func withIntegers(_ lists: [[Int32]], _ body: ([UnsafePointer<Int32>?]) -> Void) {
    func extend(_ built: [UnsafePointer<Int32>?], _ rest: ArraySlice<[Int32]>) {
        guard let list = rest.first else { return body(built) }
        list.withUnsafeBufferPointer { extend(built + [$0.baseAddress], rest.dropFirst()) }
    }
    extend([], lists[...])
}

extension Kernels {
    @Suite struct AttentionTests {
        private static let shapes: [(heads: Int, kvHeads: Int, headSize: Int, pageSize: Int, window: Int)] = [
            (4, 4, 8, 16, 0), (8, 2, 32, 16, 0), (6, 1, 20, 4, 7), (5, 1, 128, 32, 100), (3, 3, 33, 1, 1),
            (2, 1, 5, 7, 0), (9, 1, 24, 16, 64),
        ]
        private static let sequences = [
            (history: 0, new: 70), (history: 130, new: 1), (history: 63, new: 5), (history: 0, new: 1),
            (history: 64, new: 20), (history: 5, new: 0),
        ]

        private static func batch(_ index: Int, pageOrder: UInt64, pageSize: Int? = nil) -> PagedBatch {
            let shape = shapes[index]
            return PagedBatch(
                heads: shape.heads,
                kvHeads: shape.kvHeads,
                headSize: shape.headSize,
                pageSize: pageSize ?? shape.pageSize,
                window: shape.window,
                sequences: sequences,
                seed: UInt64(index),
                pageOrder: pageOrder
            )
        }

        @Test(arguments: 0..<7) func `paged attention equals softmax in double`(shape: Int) throws {
            let pool = try Pool(threads: 3)
            let batch = Self.batch(shape, pageOrder: 1)
            let expected = batch.expected()
            onEveryInstructionSet { name in
                #expect(largestDifference(batch.run(pool, chunk: 1000), expected) < 2e-6, "\(name)")
            }
        }

        @Test(arguments: 0..<7) func `chunks, threads and page layout change no bit`(shape: Int) throws {
            let pools = try [1, 4].map { try Pool(threads: $0) }
            let batch = Self.batch(shape, pageOrder: 1)
            onEveryInstructionSet { name in
                let alone = batch.run(nil, chunk: 1)
                for chunk in [3, 17, 1000] {
                    for pool in pools {
                        #expect(sameBits(batch.run(pool, chunk: chunk), alone), "\(name) chunk \(chunk)")
                    }
                }
                let moved = Self.batch(shape, pageOrder: 99, pageSize: 5)
                #expect(sameBits(moved.run(pools[1], chunk: 9), alone), "\(name)")
            }
        }

        @Test func `appended rows land in their places and nowhere else`() throws {
            var random = SplitMix(seed: 7)
            let (rows, heads, size, page) = (5, 3, 10, 4)
            let (k, v) = (random.floats(rows * 40), random.floats(rows * 50))
            let kvPositions: [Int32] = [6, 7, 8, 2, 15]
            var (keys, values) = ([Float](repeating: -9, count: 4 * heads * page * size), [Float]())
            values = keys
            let pool = try Pool(threads: 2)
            punica_kv_append(pool.pointer, &keys, &values, k, 40, v, 50, kvPositions, rows, heads, size, page)
            var (expectedKeys, expectedValues) = ([Float](repeating: -9, count: keys.count), [Float]())
            expectedValues = expectedKeys
            for (row, kvPosition) in kvPositions.enumerated() {
                for head in 0..<heads {
                    let start = ((Int(kvPosition) / page * heads + head) * page + Int(kvPosition) % page) * size
                    for d in 0..<size {
                        expectedKeys[start + d] = k[row * 40 + head * size + d]
                        expectedValues[start + d] = v[row * 50 + head * size + d]
                    }
                }
            }
            #expect(keys == expectedKeys && values == expectedValues)
        }
    }
}
