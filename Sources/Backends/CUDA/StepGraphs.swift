internal import CUDA

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
