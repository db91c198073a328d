/// Where each of a step's arrays lies in the one buffer that is copied to the device before the step.
///
/// The places never change, so that recorded graphs find them; what lies behind an array's live part is dirty.
struct StepLayout: Equatable {
    /// A place for 32-bit numbers.
    struct Region: Equatable {
        /// In numbers from the buffer's start.
        let start: Int
        let capacity: Int
    }

    private(set) var count = 0
    let counts: Region
    let tokens: Region
    let positions: Region
    let kvPositions: Region
    /// As `kvPositions`, but -1 for sequences of one row; of steps that do not decode.
    let tileKVPositions: Region
    /// The rows that are sequences of one row, of steps that do not decode.
    let singleRows: Region
    /// The adapter of each row; -1 for none.
    let rowSlots: Region
    /// As `rowSlots`, but -1 for rows whose updates are columns of the products; of steps that do not decode.
    let otherSlots: Region
    /// Where the page indices of each row's sequence begin.
    let rowPages: Region
    let sequenceStarts: Region
    let contextLengths: Region
    let pageStarts: Region
    let segments: SegmentRegions
    let logitRows: Region
    let logitSegments: SegmentRegions
    /// The adapter of each wanted row; -1 for none.
    let wantedSlots: Region
    /// The longest array comes last: only what is used of it is copied.
    let pageIndices: Region

    struct SegmentRegions: Equatable {
        let starts: Region
        let ends: Region
        let slots: Region
    }

    init(limits: BatchLimits) {
        let rows = CUDABackend.paddedRows(limits.tokens)
        let sequences = CUDABackend.paddedRows(limits.sequences)
        var end = 0
        func region(_ capacity: Int) -> Region {
            defer { end += (capacity + 63) / 64 * 64 }
            return Region(start: end, capacity: capacity)
        }
        func segments() -> SegmentRegions {
            SegmentRegions(
                starts: region(sequences),
                ends: region(sequences),
                slots: region(sequences)
            )
        }
        counts = region(Counts.capacity)
        tokens = region(rows)
        positions = region(rows)
        kvPositions = region(rows)
        tileKVPositions = region(rows)
        singleRows = region(sequences)
        rowSlots = region(rows)
        otherSlots = region(rows)
        rowPages = region(rows)
        sequenceStarts = region(sequences + 1)
        contextLengths = region(sequences)
        pageStarts = region(sequences + 1)
        self.segments = segments()
        logitRows = region(sequences)
        logitSegments = segments()
        wantedSlots = region(sequences)
        pageIndices = region(limits.pages)
        count = end
    }

    /// Places within `counts`.
    enum Counts {
        static let rows = 0
        static let sequences = 1
        static let segments = 2
        static let wanted = 3
        static let logitSegments = 4
        /// Grows by one with each step, and begins anew after 2³².
        static let round = 5
        static let capacity = 16
    }
}
