internal import Core

/// A copy of a step's batch in memory of its own, sized once: the processor's counterpart of an upload.
///
/// Copied rather than retained: an array kept here would make the engine's next change of it copy the whole.
struct StepInputs: ~Copyable {
    let limits: BatchLimits
    private(set) var tokenCount = 0
    private(set) var sequenceCount = 0
    private(set) var wantedCount = 0
    let tokens: UnsafeMutablePointer<Int32>
    let positions: UnsafeMutablePointer<Int32>
    let kvPositions: UnsafeMutablePointer<Int32>
    let sequenceStarts: UnsafeMutablePointer<Int32>
    let pageStarts: UnsafeMutablePointer<Int32>
    let pageIndices: UnsafeMutablePointer<Int32>
    let wantedRows: UnsafeMutablePointer<Int32>
    private(set) var segments: [Segment] = []
    private(set) var wantedSegments: [Segment] = []

    init(limits: BatchLimits) {
        self.limits = limits
        tokens = .allocate(capacity: limits.tokens)
        positions = .allocate(capacity: limits.tokens)
        kvPositions = .allocate(capacity: limits.tokens)
        sequenceStarts = .allocate(capacity: limits.sequences + 1)
        pageStarts = .allocate(capacity: limits.sequences + 1)
        pageIndices = .allocate(capacity: max(limits.pages, 1))
        wantedRows = .allocate(capacity: limits.sequences)
        segments.reserveCapacity(limits.sequences)
        wantedSegments.reserveCapacity(limits.sequences)
    }

    deinit {
        for pointer in [tokens, positions, kvPositions, sequenceStarts, pageStarts, pageIndices, wantedRows] {
            pointer.deallocate()
        }
    }

    mutating func load(_ batch: borrowing Batch) {
        precondition(batch.tokenCount <= limits.tokens, "\(batch.tokenCount) rows, room for \(limits.tokens)")
        precondition(batch.sequenceCount <= limits.sequences, "\(batch.sequenceCount) of \(limits.sequences) sequences")
        precondition(batch.pageIndices.count <= limits.pages, "\(batch.pageIndices.count) of \(limits.pages) pages")
        tokenCount = batch.tokenCount
        sequenceCount = batch.sequenceCount
        wantedCount = batch.logitRows.count
        for row in 0..<tokenCount { tokens[row] = batch.tokens[row].rawValue }
        positions.update(from: batch.positions, count: tokenCount)
        kvPositions.update(from: batch.kvPositions, count: tokenCount)
        sequenceStarts.update(from: batch.sequenceStarts, count: sequenceCount + 1)
        pageStarts.update(from: batch.pageStarts, count: sequenceCount + 1)
        pageIndices.update(from: batch.pageIndices, count: batch.pageIndices.count)
        wantedRows.update(from: batch.logitRows, count: wantedCount)
        segments.removeAll(keepingCapacity: true)
        segments.append(contentsOf: batch.segments)
        wantedSegments.removeAll(keepingCapacity: true)
        wantedSegments.append(contentsOf: batch.logitSegments)
    }
}
