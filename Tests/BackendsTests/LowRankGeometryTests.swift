import Core
import Testing

@testable import Backends

@Suite struct LowRankGeometryTests {
    private let groups = LowRankGroups(.small)

    private func geometry(_ kind: LowRankTiles.Kind, multiprocessors: Int = 132) -> LowRankGeometry {
        LowRankGeometry(kind, groups: groups, type: .bfloat16, multiprocessors: multiprocessors)
    }

    /// Of a step with a segment of one row and one that is columns.
    private func mixed(_ updates: StepUpdates) -> StepExtent {
        var extent = StepExtent(updates: updates, shortSegmentRows: 8, hasLongSegments: true)
        extent.columns = LowRankColumns([Segment(start: 1, end: 71, slot: AdapterSlot(0))]) { _ in 16 }
        return extent
    }

    @Test func `short segments leave the shrink of columns a quarter of the blocks where they run beside it`() {
        let decode = geometry(.decode(rows: 64))
        #expect(decode.blocks == 264)
        #expect(decode.blocks(for: mixed(.beside)) == 198)
        #expect(decode.blocks(for: mixed(.after)) == 264)
        #expect(decode.blocks(for: StepExtent(updates: .beside, isDecode: true)) == 264)
        #expect(geometry(.prefill(rows: 512)).blocks(for: mixed(.beside)) == 264)
    }

    @Test func `on the smallest GPU there is a block all the same`() {
        var smallest = geometry(.decode(rows: 64), multiprocessors: 1)
        smallest.blocksOfMultiprocessor = 1
        #expect(smallest.blocks(for: mixed(.beside)) == 1)
    }

    @Test func `a plan has room for the shares of all blocks before its pairs`() {
        for kind in [LowRankTiles.Kind.decode(rows: 64), .prefill(rows: 512)] {
            let geometry = geometry(kind)
            #expect(geometry.pairsOffset >= 64 + 32 * geometry.blocks && geometry.pairsOffset % 64 == 0)
        }
    }
}
