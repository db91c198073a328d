import Core
import TestSupport
import Testing

@testable import Backends

@Suite struct AdapterLayoutTests {
    @Test func `no matrix straddles two blocks, none overlaps another, and all are aligned`() {
        var random = SplitMix(seed: 7)
        for _ in 0..<200 {
            let pairs = (0..<14).map { _ in
                random.next(below: 4) == 0 ? nil : Self.pair(rank: 1 + random.next(below: 40))
            }
            let adapter = Self.adapter(pairs)
            let blockBytes = 16384
            let layout = AdapterLayout(adapter, blockBytes: blockBytes)
            var taken: [Range<Int>] = []
            for (row, entry) in layout.entries.enumerated() {
                let pair = adapter.pair(row: row)
                #expect((pair == nil) == (entry == nil))
                guard let pair, let entry else { continue }
                taken.append(entry.a..<entry.a + 2 * pair.a.elementCount)
                taken.append(entry.b..<entry.b + 2 * pair.b.elementCount)
                if let scales = pair.columnScale, let start = entry.columnScale {
                    taken.append(start..<start + 4 * scales.count)
                }
            }
            for range in taken {
                #expect(range.lowerBound % AdapterLayout.alignment == 0)
                #expect(range.lowerBound / blockBytes == (range.upperBound - 1) / blockBytes)
                #expect(range.upperBound <= layout.byteCount)
            }
            let sorted = taken.sorted { $0.lowerBound < $1.lowerBound }
            #expect(zip(sorted, sorted.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound })
            #expect(!layout.footprint.mustBeContiguous)
            #expect(layout.footprint.blocks * blockBytes >= layout.byteCount)
        }
    }

    @Test func `a layout is what placing one matrix after another gives`() {
        var random = SplitMix(seed: 11)
        for _ in 0..<300 {
            let adapter = Self.randomAdapter(&random)
            // The smallest hold an update of rank 1, but not its column scales.
            let blockBytes = 128 << random.next(below: 9)
            let layout = AdapterLayout(adapter, blockBytes: blockBytes)
            let reference = ReferenceLayout(adapter, blockBytes: blockBytes)
            #expect(layout.entries == reference.entries)
            #expect(layout.byteCount == reference.end)
            #expect(layout.footprint.blocks == reference.blocks)
            #expect(layout.footprint.mustBeContiguous == reference.straddles)
        }
    }

    @Test func `the largest rank counts every update`() {
        let (small, large) = (Self.pair(rank: 3), Self.pair(rank: 40))
        #expect(Self.adapter([nil, small]).traits.mostRank == 3)
        #expect(Self.adapter([small, large, nil]).traits.mostRank == 40)
        #expect(Self.adapter([small], embedding: large).traits.mostRank == 40)
        #expect(Self.adapter([small], head: large).traits.mostRank == 40)
        #expect(Self.adapter([nil, nil]).traits.mostRank == 1)
    }

    @Test func `an adapter scales columns if one of its projections does`() {
        let (plain, scaled) = (Self.pair(rank: 2, hasScales: false), Self.pair(rank: 2, hasScales: true))
        #expect(!Self.adapter([nil, plain]).traits.scalesColumns)
        #expect(Self.adapter([plain, scaled]).traits.scalesColumns)
    }

    @Test func `a matrix larger than a block asks for blocks in a row`() {
        let layout = AdapterLayout(Self.adapter([Self.pair(rank: 200)]), blockBytes: 4096)
        #expect(layout.footprint.mustBeContiguous)
        #expect(layout.footprint.blocks == (layout.byteCount + 4095) / 4096)
    }

    @Test func `an adapter that changes nothing takes no block`() {
        #expect(AdapterLayout(Self.adapter([nil, nil]), blockBytes: 4096).footprint.blocks == 0)
    }

    static func pair(rank: Int, hasScales: Bool? = nil) -> LowRankPair {
        let a = HostMemory(byteCount: 4 * rank * 64).tensor(type: .float32, shape: [rank, 64])
        let b = HostMemory(byteCount: 4 * rank * 48).tensor(type: .float32, shape: [48, rank])
        let scales = hasScales ?? (rank % 3 == 0) ? [Float](repeating: 1, count: 48) : nil
        return LowRankPair(a: a, b: b, scale: 1, columnScale: scales)
    }

    static func adapter(
        _ pairs: [LowRankPair?],
        embedding: LowRankPair? = nil,
        head: LowRankPair? = nil
    ) -> AdapterWeights {
        let digest = AdapterDigest(bytes: [UInt8](repeating: 1, count: 32))
        return AdapterWeights(digest: digest, projections: pairs, embedding: embedding, head: head)
    }

    /// Any ranks, with and without DoRA's scales, and updates missing anywhere.
    static func randomAdapter(_ random: inout SplitMix) -> AdapterWeights {
        let ranks = random.next(below: 4) == 0 ? 1 : 60
        var pairs = (0..<16).map { _ in
            random.next(below: 4) == 0
                ? nil : pair(rank: 1 + random.next(below: ranks), hasScales: random.next(below: 2) == 0)
        }
        let (embedding, head) = (pairs.removeLast(), pairs.removeLast())
        return adapter(pairs, embedding: embedding, head: head)
    }
}

/// Places matrices one after another as the layout's description says, slowly.
private struct ReferenceLayout {
    var entries: [AdapterLayout.Entry?] = []
    var end = 0
    var straddles = false
    let blockBytes: Int

    init(_ adapter: AdapterWeights, blockBytes: Int) {
        self.blockBytes = blockBytes
        let pairs = adapter.projections + [adapter.embedding, adapter.head]
        straddles = pairs.contains { Self.sizes($0).contains { $0 > blockBytes } }
        for pair in pairs {
            let starts = Self.sizes(pair).map { place($0) }
            entries.append(
                starts.isEmpty
                    ? nil : .init(a: starts[0], b: starts[1], columnScale: starts.count > 2 ? starts[2] : nil)
            )
        }
    }

    var blocks: Int { Int((Double(end) / Double(blockBytes)).rounded(.up)) }

    private static func sizes(_ pair: LowRankPair?) -> [Int] {
        guard let pair else { return [] }
        let matrices = [pair.a, pair.b].map { 2 * $0.shape[0] * $0.shape[1] }
        return matrices + (pair.columnScale.map { [4 * $0.count] } ?? [])
    }

    private mutating func place(_ byteCount: Int) -> Int {
        while end % 256 != 0 { end += 1 }
        if !straddles, end / blockBytes != (end + byteCount - 1) / blockBytes {
            while end % blockBytes != 0 { end += 1 }
        }
        end += byteCount
        return end - byteCount
    }
}

@Suite struct RangeAllocatorTests {
    @Test func `ranges given out never overlap, and all come back`() {
        var random = SplitMix(seed: 3)
        var allocator = RangeAllocator(count: 1000)
        var taken: [Range<Int>] = []
        for _ in 0..<20_000 {
            if random.next(below: 2) == 0, let range = allocator.take(1 + random.next(below: 60)) {
                #expect(!taken.contains { $0.overlaps(range) })
                taken.append(range)
            } else if !taken.isEmpty {
                allocator.give(back: taken.remove(at: random.next(below: taken.count)))
            }
            allocator.checkInvariants()
            #expect(allocator.freeCount == 1000 - taken.reduce(0) { $0 + $1.count })
        }
        for range in taken { allocator.give(back: range) }
        #expect(allocator.free == [0..<1000])
    }

    @Test func `a length that no gap holds is refused`() {
        var allocator = RangeAllocator(count: 10)
        #expect(allocator.take(11) == nil)
        #expect(allocator.take(6) == 0..<6)
        #expect(allocator.take(5) == nil)
        #expect(allocator.take(4) == 6..<10)
    }
}

@Suite struct NarrowTensorTests {
    @Test(arguments: [ScalarType.float32, .float16, .bfloat16])
    func `values that both types can hold survive`(source: ScalarType) {
        let values: [Float] = [0, 1, -2, 0.5, 96, -0.25]
        let memory = HostMemory(byteCount: values.count * source.byteCount)
        for (index, value) in values.enumerated() {
            switch source {
            case .float32: memory.bytes.storeBytes(of: value, toByteOffset: 4 * index, as: Float.self)
            case .float16: memory.bytes.storeBytes(of: Float16(value), toByteOffset: 2 * index, as: Float16.self)
            case .bfloat16:
                let bits = UInt16(value.bitPattern >> 16)
                memory.bytes.storeBytes(of: bits, toByteOffset: 2 * index, as: UInt16.self)
            }
        }
        let tensor = memory.tensor(type: source, shape: [values.count])
        let target = HostMemory(byteCount: 2 * values.count)
        tensor.write(as: .bfloat16, to: target.bytes)
        for (index, value) in values.enumerated() {
            let bits = target.bytes.load(fromByteOffset: 2 * index, as: UInt16.self)
            #expect(Float(bitPattern: UInt32(bits) << 16) == value)
        }
        tensor.write(as: .float16, to: target.bytes)
        for (index, value) in values.enumerated() {
            #expect(Float(target.bytes.load(fromByteOffset: 2 * index, as: Float16.self)) == value)
        }
    }

    @Test(arguments: [ScalarType.float32, .bfloat16])
    func `some of the elements are written where they are wanted, and nothing behind them`(source: ScalarType) {
        let memory = HostMemory(byteCount: 6 * source.byteCount)
        for index in 0..<6 {
            if source == .float32 {
                memory.bytes.storeBytes(of: Float(index), toByteOffset: 4 * index, as: Float.self)
            } else {
                let bits = UInt16(Float(index).bitPattern >> 16)
                memory.bytes.storeBytes(of: bits, toByteOffset: 2 * index, as: UInt16.self)
            }
        }
        let target = HostMemory(byteCount: 8)
        target.bytes.initializeMemory(as: UInt8.self, repeating: 0xFF)
        memory.tensor(type: source, shape: [2, 3]).write(3..<6, as: .bfloat16, to: target.bytes)
        let bits = (0..<4).map { target.bytes.load(fromByteOffset: 2 * $0, as: UInt16.self) }
        #expect(bits.prefix(3).map { Float(bitPattern: UInt32($0) << 16) } == [3, 4, 5])
        #expect(bits[3] == 0xFFFF)
    }

    @Test func `rounding to bfloat16 goes to the nearest, ties to even, and keeps NaN`() {
        let values: [Float] = [1.00390625, 1.01171875, .nan, .infinity, -1.00390625]
        let memory = HostMemory(byteCount: 4 * values.count)
        for (index, value) in values.enumerated() {
            memory.bytes.storeBytes(of: value, toByteOffset: 4 * index, as: Float.self)
        }
        let target = HostMemory(byteCount: 2 * values.count)
        memory.tensor(type: .float32, shape: [values.count]).write(as: .bfloat16, to: target.bytes)
        let results = (0..<values.count).map { index in
            Float(bitPattern: UInt32(target.bytes.load(fromByteOffset: 2 * index, as: UInt16.self)) << 16)
        }
        #expect(results[0] == 1)
        #expect(results[1] == 1.015625)
        #expect(results[2].isNaN)
        #expect(results[3] == .infinity)
        #expect(results[4] == -1)
    }
}
