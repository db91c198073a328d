package import Core

/// What one forward pass computes: `T` rows of `B` sequences, rows of one adapter side by side.
///
/// Filled by the engine, read by a backend, reused from step to step.
///
///     rows        | sequence 0 | sequence 1      | sequence 2 |      T rows
///     segments    | adapter a                    | (base)     |      rows without adapter belong to no segment
///     logitRows            ^                 ^            ^         rows whose next token is wanted
package struct Batch: Sendable {
    /// `[T]`; where the backend runs ahead also tokens that are awaited.
    package var tokens: [TokenID] = []
    /// `[T]`: index of each row's token in its sequence.
    package var positions: [Int32] = []
    /// `[T]`: where each row's key and value go, `block · blockSize + offset`.
    package var kvPositions: [Int32] = []
    /// `[B + 1]`: first row of each sequence.
    package var sequenceStarts: [Int32] = [0]
    /// `[B + 1]`: first entry of each sequence in `pageIndices`.
    package var pageStarts: [Int32] = [0]
    package var pageIndices: [Int32] = []
    /// Maximal runs of rows that share an adapter, ascending; rows between them use the bare base.
    package var segments: [Segment] = []
    /// Ascending rows whose logits are wanted, at most one for each sequence.
    package var logitRows: [Int32] = []
    /// `segments` again, in units of `logitRows`.
    package var logitSegments: [Segment] = []

    package init() {}

    package var tokenCount: Int { tokens.count }
    package var sequenceCount: Int { sequenceStarts.count - 1 }
    /// Whether every sequence has one row, whose logits are wanted.
    package var isDecode: Bool { tokenCount == sequenceCount && logitRows.count == sequenceCount }

    package func rowCount(of sequence: Int) -> Int {
        Int(sequenceStarts[sequence + 1] - sequenceStarts[sequence])
    }

    /// Empties the batch and keeps its memory.
    package mutating func removeAll() {
        tokens.removeAll(keepingCapacity: true)
        positions.removeAll(keepingCapacity: true)
        kvPositions.removeAll(keepingCapacity: true)
        sequenceStarts.removeAll(keepingCapacity: true)
        sequenceStarts.append(0)
        pageStarts.removeAll(keepingCapacity: true)
        pageStarts.append(0)
        pageIndices.removeAll(keepingCapacity: true)
        segments.removeAll(keepingCapacity: true)
        logitRows.removeAll(keepingCapacity: true)
        logitSegments.removeAll(keepingCapacity: true)
    }

    /// Closes the sequence whose rows and pages were appended last, and extends or opens its segment.
    ///
    /// - Parameters:
    ///   - slot: the sequence's adapter; nil for the bare base.
    ///   - wantsToken: whether the last row's logits are wanted.
    package mutating func closeSequence(slot: AdapterSlot?, wantsToken: Bool) {
        let start = sequenceStarts[sequenceStarts.count - 1]
        let end = Int32(tokens.count)
        precondition(end > start, "a sequence in a batch has at least one row")
        sequenceStarts.append(end)
        pageStarts.append(Int32(pageIndices.count))
        if wantsToken { logitRows.append(end - 1) }
        guard let slot else { return }
        Self.extend(&segments, with: slot, from: start, to: end)
        if wantsToken {
            let row = Int32(logitRows.count - 1)
            Self.extend(&logitSegments, with: slot, from: row, to: row + 1)
        }
    }

    private static func extend(_ segments: inout [Segment], with slot: AdapterSlot, from start: Int32, to end: Int32) {
        if let last = segments.last, last.slot == slot, last.end == start {
            segments[segments.count - 1].end = end
        } else {
            segments.append(Segment(start: start, end: end, slot: slot))
        }
    }
}

extension TokenID {
    /// Stands for the token that the step before, which is still running, chooses for the `number`-th of its wanted
    /// rows; no token that anybody sends or gets is negative.
    package static func awaited(_ number: Int) -> TokenID { TokenID(-1 - Int32(number)) }

    /// Of an awaited token, which of the wanted rows it comes from; nil for one that is known.
    package var awaitedNumber: Int? { rawValue < 0 ? Int(-1 - rawValue) : nil }
}

/// A run of rows that share one adapter: the "s" of SGMV (Punica section 4).
package struct Segment: Sendable, Equatable {
    package var start: Int32
    /// One past the last row.
    package var end: Int32
    package var slot: AdapterSlot

    package init(start: Int32, end: Int32, slot: AdapterSlot) {
        self.start = start
        self.end = end
        self.slot = slot
    }
}
