/// How a step's products get their low-rank updates.
enum StepUpdates: Int, CaseIterable {
    /// No row has an adapter.
    case none
    /// Products of few rows and small ranks take them along.
    case along
    /// They run beside the products, into rows of their own, which whatever reads a product first adds (`UpdateBranch`).
    case beside
    /// They follow the products and are added to them.
    case after

    /// The quickest way for a step whose rows have adapters.
    ///
    /// - Parameters:
    ///   - ranks: each row's adapter's largest, added up.
    ///   - scalesColumns: whether an adapter scales the sum of a product and its update, as DoRA does.
    ///   - canUpdate: whether the step's rows can get their updates so; they always can `after`.
    init(ranks: Int, scalesColumns: Bool, canUpdate: (StepUpdates) -> Bool) {
        if ranks <= StreamedProducts.mostRanks, canUpdate(.along) {
            self = .along
        } else if !scalesColumns, canUpdate(.beside) {
            self = .beside
        } else {
            self = .after
        }
    }
}

/// What the operations of a step cover.
struct StepExtent: Equatable {
    /// Rows of activations, padding included.
    var rows = 0
    /// Rows whose logits are wanted, padding included.
    var wanted = 0
    var updates = StepUpdates.none
    /// Whether every sequence has one row, whose logits are wanted.
    var isDecode = false
    /// In steps that do not decode: sequences of one row.
    var singleRows = 0
    /// In steps that do not decode: attention's tiles of the other sequences.
    var tiles = 0
    /// The largest rank among the step's adapters; recorded steps serve any.
    var mostRank = LowRankGeometry.mostRank
    /// In steps that do not decode: segments of at most so many rows take the decode kernel; 0 if there are none.
    var shortSegmentRows = 0
    /// In steps that do not decode: whether there are longer segments.
    var hasLongSegments = false
    /// In steps that do not decode: the segments whose updates are columns of the products.
    var columns = LowRankColumns()
    /// Whether there are long segments besides.
    var expandsLongSegments = false

    var hasAdapters: Bool { updates != .none }

    /// Whether updates with a launch of their own are added to what lies in their place, or else written there.
    var addsUpdates: Bool { updates != .beside }

    /// Whether the decode kernel has segments.
    var updatesShortSegments: Bool { hasAdapters && (isDecode || shortSegmentRows > 0) }

    /// Whether there are updates but those that are columns.
    var hasOtherUpdates: Bool { updatesShortSegments || expandsLongSegments }

    /// Whether the updates beside a product begin together with the shrink of its columns, of which they need nothing.
    var runsBesideShrink: Bool {
        updates == .beside && !columns.isEmpty && updatesShortSegments && !expandsLongSegments
    }

    /// Tells the segments and sequences of a step that does not decode apart by their rows.
    ///
    /// - Parameters:
    ///   - room: rows of short segments that the decode kernel has room for.
    ///   - tiles: how many attention has of a sequence with so many rows, of which there are several.
    mutating func sort(_ batch: borrowing Batch, room: Int, tiles: (Int) -> Int) {
        sortSegments(of: batch, room: room)
        for sequence in 0..<batch.sequenceCount {
            let rows = batch.rowCount(of: sequence)
            if rows == 1 { singleRows += 1 } else { self.tiles += tiles(rows) }
        }
    }

    private mutating func sortSegments(of batch: borrowing Batch, room: Int) {
        var (short, single, longest) = (0, 0, 0)
        for index in batch.segments.indices {
            let rows = Int(batch.segments[index].end - batch.segments[index].start)
            if rows <= LowRankGeometry.shortSegmentRows { short += rows }
            if rows == 1 { single += 1 }
            longest = max(longest, rows)
        }
        if short > 0, short <= room {
            shortSegmentRows = LowRankGeometry.shortSegmentRows
        } else {
            shortSegmentRows = single > 0 ? 1 : 0
        }
        hasLongSegments = longest > shortSegmentRows
        for index in batch.segments.indices {
            let segment = batch.segments[index]
            let isLong = Int(segment.end - segment.start) > shortSegmentRows
            if isLong, !columns.contains(rowStart: segment.start) { expandsLongSegments = true }
        }
    }
}
