import Core
import Testing

@testable import Backends

@Suite struct StepExtentTests {
    @Test func `a step's extent tells whether rows have adapters`() {
        #expect(StepUpdates.allCases.map { StepExtent(updates: $0).hasAdapters } == [false, true, true, true])
    }

    @Test func `updates go along with few rows, else before products where that pays, unless columns are scaled`() {
        func choice(ranks: Int, scales: Bool = false, pays: Bool = true, _ possible: [StepUpdates]) -> StepUpdates {
            StepUpdates(ranks: ranks, scalesColumns: scales, writesAll: pays) { possible.contains($0) }
        }
        let most = StreamedProducts.mostRanks
        #expect(choice(ranks: most, StepUpdates.allCases) == .along)
        #expect(choice(ranks: most, scales: true, pays: false, StepUpdates.allCases) == .along)
        #expect(choice(ranks: most + 1, StepUpdates.allCases) == .before)
        #expect(choice(ranks: most, [.before, .after]) == .before)
        #expect(choice(ranks: most, [.after]) == .after)
        #expect(choice(ranks: most + 1, scales: true, StepUpdates.allCases) == .after)
        #expect(choice(ranks: most + 1, pays: false, StepUpdates.allCases) == .after)
    }

    @Test func `all rows are written in decode steps, and else where at least half of them change`() {
        #expect(StepUpdates.writesAll(changed: 1, of: 64, isDecode: true))
        #expect(StepUpdates.writesAll(changed: 32, of: 64, isDecode: false))
        #expect(!StepUpdates.writesAll(changed: 31, of: 64, isDecode: false))
        #expect(StepUpdates.writesAll(changed: 32, of: 63, isDecode: false))
        #expect(!StepUpdates.writesAll(changed: 31, of: 63, isDecode: false))
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

    @Test func `rows without an adapter count as long segments where all rows are written`() {
        let parts: [(slot: Int32?, rows: Int)] = [(1, 1), (nil, 9)]
        #expect(!extent(parts, updates: .after).hasLongSegments)
        #expect(extent(parts, updates: .before).hasLongSegments)
    }

    /// Of a step with sequences of so many rows, of these adapters; attention has two tiles for a row.
    private func extent(
        _ parts: [(slot: Int32?, rows: Int)],
        updates: StepUpdates = .after,
        room: Int = 100
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
        extent.sort(batch, room: room) { 2 * $0 }
        return extent
    }
}
