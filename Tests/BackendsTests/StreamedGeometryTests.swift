import Core
import Testing

@testable import Backends

@Suite struct StreamedGeometryTests {
    /// An H100 or H200, and a GPU of compute capability 8.9.
    private static let large = StreamedGeometry.Device(multiprocessors: 132, sharedBytes: 227 << 10)
    private static let small = StreamedGeometry.Device(multiprocessors: 128, sharedBytes: 99 << 10)
    private static let outputs = [8, 640, 4096, 5120, 12_288, 22_016, 27_648, 32_000, 152_064]

    @Test(arguments: outputs, [1, 8, 9, 16, 17, 32])
    func `a block fits a large multiprocessor, with two stages and more of each warp`(outputs: Int, rows: Int) {
        for updates in [false, true] {
            let geometry = StreamedGeometry(outputs: outputs, rows: rows, updates: updates, device: Self.large)
            #expect(geometry.fits(Self.large))
            #expect((2...4).contains(geometry.depth))
            #expect((1...4).contains(geometry.tiles))
            #expect(8 * geometry.rowTiles >= rows)
            #expect(geometry.threads == (updates ? 512 : 256))
        }
    }

    @Test(arguments: [1000, 2048] + outputs)
    func `updates of 32 rows leave the first cache room for loads of adapters`(outputs: Int) {
        let geometry = StreamedGeometry(outputs: outputs, rows: 32, updates: true, device: Self.large)
        let division = StreamedGeometry.Device(multiprocessors: 132, sharedBytes: 163 << 10)
        #expect(geometry.fits(division))
    }

    @Test(arguments: [1, 16, 32])
    func `the products of a layer share a kernel, which stays in the instruction cache`(rows: Int) {
        let geometries = [4096, 12_288, 22_016, 32_000].map {
            StreamedGeometry(outputs: $0, rows: rows, updates: true, device: Self.large)
        }
        #expect(Set(geometries).count == 1)
    }

    @Test func `of many rows the library takes products whose blocks would read activations often`() {
        for rows in [1, 16] {
            for outputs in Self.outputs { #expect(StreamedGeometry.pays(outputs: outputs, rows: rows, Self.large)) }
        }
        let paying = Self.outputs.filter { StreamedGeometry.pays(outputs: $0, rows: 17, Self.large) }
        #expect(paying == [8, 640, 4096, 5120])
    }

    @Test func `a product serves up to some number of rows, and below it too`() {
        func rows(_ outputs: Int, _ inputs: Int, _ device: StreamedGeometry.Device) -> [Int] {
            [8, 16, 32].filter { StreamedGeometry.serves(outputs: outputs, inputs: inputs, rows: $0, device) }
        }
        #expect(rows(12_288, 4096, Self.large) == [8, 16])
        #expect(rows(4096, 11_008, Self.large) == [8, 16, 32])
        #expect(rows(4096, 11_010, Self.large) == [])
        #expect(rows(22_016, 4096, Self.small) == [8])
    }

    @Test func `a GPU with little shared memory leaves products of many rows to the library`() {
        let many = StreamedGeometry(outputs: 22_016, rows: 32, updates: false, device: Self.small)
        #expect(!many.fits(Self.small))
        let few = StreamedGeometry(outputs: 22_016, rows: 8, updates: false, device: Self.small)
        #expect(few.fits(Self.small))
    }
}

@Suite struct LowRankGroupsTests {
    private let groups = LowRankGroups(
        ModelShape(
            layers: 2,
            hiddenSize: 4096,
            heads: 32,
            keyValueHeads: 8,
            headSize: 128,
            intermediateSize: 14_336,
            vocabularySize: 128_256
        )
    )

    @Test func `every product has a number of its own`() {
        let projections = (0..<2).flatMap { layer in
            LowRankGroups.all.map { AdapterTarget.projections(layer: layer, $0) }
        }
        #expect((projections + [.head]).map { groups.number(of: $0) } == Array(0..<groups.count))
    }

    @Test func `members lie side by side, and what there is not lies beyond all outputs`() {
        let bounds = groups.members(of: .projections(layer: 1, .queryKeyValue)).bounds
        #expect([bounds.0, bounds.1, bounds.2, bounds.3] == [0, 4096, 5120, .max])
        let head = groups.members(of: .head)
        #expect(head.firstEntry == 2 * 7 + 1)
        #expect(head.bounds.1 == .max)
        #expect(groups.everyKind.map { $0.outputs.reduce(0, +) } == [6144, 4096, 28_672, 4096, 128_256])
        #expect(groups.mostOutputs == 28_672)
    }
}
