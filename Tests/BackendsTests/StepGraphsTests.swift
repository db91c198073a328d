import Testing

@testable import Backends

@Suite struct StepGraphsTests {
    @Test func `a step runs as the smallest bucket that holds it`() {
        let graphs = StepGraphs(largest: 33)
        #expect(graphs.sizes.last == 40)
        for rows in 1...40 {
            let bucket = graphs.bucket(for: rows)
            let size = bucket.map { graphs.sizes[$0] }
            #expect(size == StepGraphs.buckets.first { $0 >= rows })
        }
        #expect(graphs.bucket(for: 41) == nil)
    }

    @Test func `products run over whole buckets, and over multiples of 32 rows beyond them`() {
        #expect(CUDABackend.paddedRows(1) == 1)
        #expect(CUDABackend.paddedRows(33) == 40)
        #expect(CUDABackend.paddedRows(257) == 288)
        #expect(CUDABackend.paddedRows(1024) == 1024)
    }

    @Test func `the regions of a step's buffer do not overlap`() {
        let layout = StepLayout(limits: BatchLimits(tokens: 300, sequences: 17, pages: 99))
        let segments = [layout.segments, layout.logitSegments].flatMap { [$0.starts, $0.ends, $0.slots] }
        let regions =
            [
                layout.counts, layout.tokens, layout.positions, layout.kvPositions, layout.rowSlots,
                layout.tileKVPositions, layout.singleRows,
                layout.rowPages, layout.sequenceStarts, layout.contextLengths, layout.pageStarts,
                layout.logitRows, layout.wantedSlots, layout.pageIndices,
            ] + segments
        let ranges = regions.map { $0.start..<$0.start + $0.capacity }.sorted { $0.lowerBound < $1.lowerBound }
        #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound })
        #expect(ranges.last.map { $0.upperBound <= layout.count } == true)
        #expect(layout.pageIndices.start == ranges.last?.lowerBound, "the longest array comes last")
    }
}
