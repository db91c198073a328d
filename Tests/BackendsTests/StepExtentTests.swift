import Core
import Testing

@testable import Backends

@Suite struct StepExtentTests {
    @Test func `a step's extent tells whether rows have adapters`() {
        #expect(StepUpdates.allCases.map { StepExtent(updates: $0).hasAdapters } == [false, true, true, true])
    }

    @Test func `updates go along with few rows, else beside their products, unless columns are scaled`() {
        func choice(ranks: Int, scales: Bool = false, _ possible: [StepUpdates]) -> StepUpdates {
            StepUpdates(ranks: ranks, scalesColumns: scales) { possible.contains($0) }
        }
        let most = StreamedProducts.mostRanks
        #expect(choice(ranks: most, StepUpdates.allCases) == .along)
        #expect(choice(ranks: most, scales: true, StepUpdates.allCases) == .along)
        #expect(choice(ranks: most + 1, StepUpdates.allCases) == .beside)
        #expect(choice(ranks: most, [.beside, .after]) == .beside)
        #expect(choice(ranks: most, [.after]) == .after)
        #expect(choice(ranks: most + 1, scales: true, StepUpdates.allCases) == .after)
    }

    @Test func `updates beside their products are written, others are added`() {
        #expect(StepUpdates.allCases.filter { !StepExtent(updates: $0).addsUpdates } == [.beside])
    }

    @Test func `sequences of one row are counted, and tiles of the others`() {
        let extent = extent([(nil, 1), (1, 2), (1, 1), (2, 70), (nil, 3)])
        #expect(extent.singleRows == 2)
        #expect(extent.tiles == 2 * (2 + 70 + 3))
    }

    @Test(arguments: [
        // Rows of segments, room: which are short, whether there are long ones.
        ([1, 8, 9], 9, 8, true),
        ([1, 8, 9], 8, 1, true),
        ([1, 8], 9, 8, false),
        ([1, 8], 8, 1, true),
        ([8], 8, 8, false),
        ([8], 7, 0, true),
        ([9], 9, 0, true),
        ([1], 1, 8, false),
        ([], 8, 0, false),
    ])
    func `short segments are those the decode kernel has room for`(rows: [Int], room: Int, short: Int, hasLong: Bool) {
        let parts = rows.enumerated().map { (slot: Int32?(Int32($0.offset)), rows: $0.element) }
        let sorted = extent(parts, room: room)
        #expect(sorted.shortSegmentRows == short)
        #expect(sorted.hasLongSegments == hasLong)
    }

    @Test(arguments: [
        // Rows of segments, whether the longest is columns: whether there are other updates, begun beside its shrink.
        ([1, 70], true, true, true),
        ([1, 9, 70], true, true, false),
        ([70], true, false, false),
        ([70], false, true, false),
        ([1], false, true, false),
        ([], false, false, false),
    ])
    func `what is not columns is known`(rows: [Int], hasColumns: Bool, hasOthers: Bool, besideShrink: Bool) {
        let parts = rows.enumerated().map { (slot: Int32?(Int32($0.offset)), rows: $0.element) }
        let sorted = extent(parts, updates: .beside, columnsOf: hasColumns ? 16 : nil)
        #expect(sorted.hasOtherUpdates == hasOthers)
        #expect(sorted.runsBesideShrink == besideShrink)
    }

    @Test func `updates that follow their product begin beside nothing`() {
        let parts: [(slot: Int32?, rows: Int)] = [(0, 1), (1, 70)]
        let sorted = extent(parts, updates: .after, columnsOf: 16)
        #expect(sorted.hasOtherUpdates && !sorted.columns.isEmpty && !sorted.runsBesideShrink)
    }

    @Test func `a decode step's updates are none of columns`() {
        #expect(StepExtent(updates: .beside, isDecode: true).hasOtherUpdates)
        #expect(!StepExtent(updates: .beside, isDecode: true).runsBesideShrink)
        #expect(!StepExtent(updates: .none, isDecode: true).hasOtherUpdates)
    }

    /// Of a step with sequences of so many rows, of these adapters; attention has two tiles for a row.
    private func extent(
        _ parts: [(slot: Int32?, rows: Int)],
        updates: StepUpdates = .after,
        room: Int = 100,
        columnsOf rank: Int? = nil
    ) -> StepExtent {
        var batch = Batch()
        for (slot, rows) in parts {
            for position in 0..<rows {
                batch.tokens.append(TokenID(1))
                batch.positions.append(Int32(position))
                batch.kvPositions.append(Int32(position))
            }
            batch.closeSequence(slot: slot.map { AdapterSlot($0) }, wantsToken: true)
        }
        var extent = StepExtent(updates: updates)
        extent.columns = LowRankColumns(batch.segments) { _ in rank }
        extent.sort(batch, room: room) { 2 * $0 }
        return extent
    }
}
