internal import CUDA

/// How a step's products get their low-rank updates.
enum StepUpdates: Int, CaseIterable {
    /// No row has an adapter.
    case none
    /// Products of few rows and small ranks take them along.
    case along
    /// They precede the products, which are added to them: their launch then follows a kernel of ours, and asks for its
    /// first weights before that has ended; behind one of the library's it could not.
    case before
    /// They follow the products.
    case after

    /// The quickest way for a step whose rows have adapters.
    ///
    /// - Parameters:
    ///   - ranks: each row's adapter's largest, added up.
    ///   - scalesColumns: whether an adapter scales the sum of a product and its update, as DoRA does.
    ///   - writesAll: whether it pays to write all rows before their product, those without an update too.
    ///   - canUpdate: whether the step's rows can get their updates so; they always can `after`.
    init(ranks: Int, scalesColumns: Bool, writesAll: Bool, canUpdate: (StepUpdates) -> Bool) {
        if ranks <= StreamedProducts.mostRanks, canUpdate(.along) {
            self = .along
        } else if writesAll, !scalesColumns, canUpdate(.before) {
            self = .before
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
    /// Whether every sequence has one row.
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

    var hasAdapters: Bool { updates != .none }
}

/// The recorded forward passes of decode steps.
struct StepGraphs {
    /// Numbers of rows that passes are recorded for. A step runs as the smallest that holds it.
    static let buckets = [1, 2, 4, 8, 16, 24, 32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256]

    private struct Recording {
        let graph: Graph
        let result: CUDARows
    }

    /// Buckets that steps can reach.
    let sizes: [Int]
    private var recordings: [Recording?]

    init(largest: Int) {
        let count = (Self.buckets.firstIndex { $0 >= largest } ?? Self.buckets.count - 1) + 1
        sizes = Array(Self.buckets.prefix(count))
        recordings = Array(repeating: nil, count: StepUpdates.allCases.count * sizes.count)
    }

    /// The position of the smallest bucket for so many rows; nil when there is none.
    func bucket(for rows: Int) -> Int? { sizes.firstIndex { $0 >= rows } }

    /// The graph of a bucket and what it leaves its result in; nil when it is not recorded.
    func recording(_ bucket: Int, _ updates: StepUpdates) -> (graph: Graph, result: CUDARows)? {
        recordings[place(bucket, updates)].map { ($0.graph, $0.result) }
    }

    mutating func record(_ graph: Graph, _ result: CUDARows, _ bucket: Int, _ updates: StepUpdates) {
        recordings[place(bucket, updates)] = Recording(graph: graph, result: result)
    }

    private func place(_ bucket: Int, _ updates: StepUpdates) -> Int {
        StepUpdates.allCases.count * bucket + updates.rawValue
    }
}
