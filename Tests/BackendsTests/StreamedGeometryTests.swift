import Testing

@testable import Backends

@Suite struct StreamedGeometryTests {
    /// An H100 or H200, and a GPU of compute capability 8.9.
    private static let large = StreamedGeometry.Device(multiprocessors: 132, sharedBytes: 227 << 10)
    private static let small = StreamedGeometry.Device(multiprocessors: 128, sharedBytes: 99 << 10)
    private static let outputs = [8, 640, 4096, 5120, 12_288, 22_016, 27_648, 32_000, 152_064]

    @Test(arguments: outputs, [1, 8, 9, 16, 17, 32])
    func `a block fits a large multiprocessor, with two stages and more of each warp`(outputs: Int, rows: Int) {
        let geometry = StreamedGeometry(outputs: outputs, rows: rows, device: Self.large)
        #expect(geometry.fits(Self.large))
        #expect((2...4).contains(geometry.depth))
        #expect((1...6).contains(geometry.tiles))
        #expect(8 * geometry.rowTiles >= rows)
    }

    /// What a multiprocessor has is 228 KB, a block's own kilobyte and static variables included.
    @Test(arguments: outputs, [1, 8, 16])
    func `a product of up to 16 rows leaves the low-rank kernel its place`(outputs: Int, rows: Int) {
        let product = StreamedGeometry(outputs: outputs, rows: rows, device: Self.large)
        let lowRank = LowRankGeometry(
            .decode(rows: 64),
            groups: LowRankGroups(Self.shape),
            type: .bfloat16,
            multiprocessors: 132
        )
        let extent = StepExtent(rows: rows, wanted: rows, hasAdapters: true, isDecode: true)
        #expect(lowRank.blocks(for: extent) == 132)
        #expect(product.sharedBytes + lowRank.sharedBytes(for: extent) + 2 * 2048 <= 228 << 10)
    }

    @Test func `without a product beside it the low-rank kernel has two blocks a multiprocessor`() {
        let lowRank = LowRankGeometry(
            .decode(rows: 64),
            groups: LowRankGroups(Self.shape),
            type: .bfloat16,
            multiprocessors: 132
        )
        #expect(lowRank.blocks(for: StepExtent(rows: 33, wanted: 33, hasAdapters: true, isDecode: true)) == 264)
        #expect(lowRank.blocks(for: StepExtent(rows: 20, wanted: 4, hasAdapters: true, isDecode: false)) == 264)
    }

    @Test func `a GPU with little shared memory leaves wide products to the library`() {
        let wide = StreamedGeometry(outputs: 22_016, rows: 8, device: Self.small)
        #expect(!wide.fits(Self.small))
    }

    private static let shape = ModelShape(
        layers: 2,
        hiddenSize: 4096,
        heads: 32,
        keyValueHeads: 32,
        headSize: 128,
        intermediateSize: 11_008,
        vocabularySize: 32_000
    )
}
