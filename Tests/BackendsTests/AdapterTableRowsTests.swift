import CUDAKernels
import Core
import TestSupport
import Testing

@testable import Backends

@Suite struct AdapterTableRowsTests {
    /// In small blocks matrices straddle, and blocks follow each other.
    @Test(arguments: [(16384, -3), (1024, 1)])
    func `a row of the table names a place in the blocks, and nothing where nothing changes`(
        blockBytes: Int,
        step: Int
    ) {
        var random = SplitMix(seed: 12)
        for _ in 0..<100 {
            let adapter = AdapterLayoutTests.randomAdapter(&random)
            let layout = AdapterLayout(adapter, blockBytes: blockBytes)
            let blocks = (0..<layout.footprint.blocks).map { UInt64((10_000 + step * $0) * blockBytes) }
            func address(_ offset: Int) -> UInt64 { blocks[offset / blockBytes] + UInt64(offset % blockBytes) }
            for row in 0..<adapter.rowCount {
                let listed = layout.tableRow(row, of: adapter, at: blocks, blockBytes: blockBytes)
                let entry = layout.entries[row]
                #expect(listed.a == entry.map { address($0.a) } ?? 0)
                #expect(listed.b == entry.map { address($0.b) } ?? 0)
                #expect(listed.columnScale == entry?.columnScale.map(address) ?? 0)
                #expect(Int(listed.rank) == adapter.pair(row: row)?.rank ?? 0)
                #expect(listed.scale == adapter.pair(row: row)?.scale ?? 0)
            }
        }
    }
}
