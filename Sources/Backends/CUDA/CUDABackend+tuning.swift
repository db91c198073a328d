internal import CUDA
internal import Core

/// How products are computed that the kernel for few rows leaves.
extension CUDABackend {
    /// Chooses, by timing, how each product of a decode step is computed; choices are kept for later starts.
    mutating func tuneProducts() {
        faults.attempt { () throws(CUDAError) in
            let scratch = try TuningScratch(context, weights: weights, rows: graphs.sizes.last ?? 1)
            for rows in graphs.sizes {
                // With fewer rows, updates go along with the products of adapters up to rank 64; with more, products that
                // would be ours without adapters may be the library's.
                let mayRunBeside = rows * 64 > StreamedProducts.mostRanks
                for group in scratch.groups {
                    let isHead = group[0].outputs == shape.vocabularySize
                    let isAlwaysOurs = operations.streamed.takes(group[0], rows: rows) && (isHead || !mayRunBeside)
                    if isAlwaysOurs { continue }
                    let shape = productShape(group[0], rows: rows, result: isHead ? .float32 : type)
                    try tune(shape, group, scratch)
                }
            }
            dense.choices.save()
        }
    }

    private func tune(_ shape: DenseShape, _ weights: [CUDAMatrix], _ scratch: TuningScratch) throws(CUDAError) {
        guard dense.choices[shape] == nil else { return }
        try dense.tune(shape, over: scratch.operands(weights), on: stream)
    }
}

/// Memory and weights for timing products.
private struct TuningScratch {
    /// Weights of one shape, few of each but more than the cache holds.
    let groups: [[CUDAMatrix]]
    let input: DeviceBuffer
    let output: DeviceBuffer

    init(_ context: Context, weights: [CUDAMatrix], rows: Int) throws(CUDAError) {
        var groups: [[CUDAMatrix]] = []
        for weight in weights {
            let same = groups.firstIndex { $0[0].hasShape(of: weight) }
            guard let same else {
                groups.append([weight])
                continue
            }
            if groups[same].count < 6 { groups[same].append(weight) }
        }
        self.groups = groups
        let inputs = (weights.map(\.inputs).max() ?? 1) + LowRankColumns.inputRoom
        input = try DeviceBuffer(context, byteCount: 2 * rows * inputs)
        output = try DeviceBuffer(context, byteCount: 4 * rows * (weights.map(\.outputs).max() ?? 1))
        try input.fill(0x3C)
    }

    func operands(_ group: [CUDAMatrix]) -> [DenseOperands] {
        group.map { DenseOperands(x: input.address, weight: $0.address, y: output.address) }
    }
}
