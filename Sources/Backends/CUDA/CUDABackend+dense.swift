internal import CUDA
internal import Core

extension CUDABackend {
    package mutating func multiply(
        _ x: CUDARows,
        by weight: CUDAMatrix,
        bias: CUDAVector?,
        target: AdapterTarget,
        into y: CUDARows
    ) {
        let rows = rowCount(of: target)
        guard rows > 0 else { return }
        if takes(weight, rows: rows), operations.lowRank.canStandApart(target, extent) {
            faults.attempt { () throws(CUDAError) in
                try updatedProduct(x, weight, target: target, rows: rows, into: y)
            }
        } else {
            faults.attempt { () throws(CUDAError) in try product(x, weight, rows: rows, into: y) }
            if extent.hasAdapters { addLowRank(x, target: target, rows: rows, into: y) }
        }
        // After the low-rank update, since DoRA scales what comes before the bias.
        if let bias { addBias(bias, rows: rows, to: y) }
    }

    func rowCount(of target: AdapterTarget) -> Int {
        switch target {
        case .projections: extent.rows
        case .head: extent.wanted
        }
    }

    private func takes(_ weight: CUDAMatrix, rows: Int) -> Bool { operations.streamed.takes(weight, rows: rows) }

    /// A product with its low-rank update computed beside it.
    private func updatedProduct(
        _ x: CUDARows,
        _ weight: CUDAMatrix,
        target: AdapterTarget,
        rows: Int,
        into y: CUDARows
    ) throws(CUDAError) {
        guard let inputs = lowRankInputs(isHead: false) else { return }
        let lowRank = operations.lowRank
        let destination = operations.streamed.destination(of: weight)
        try lowRank.runApart(target, x, extent, into: destination, on: stream)
        let addition = LowRankAddition(
            inputs: inputs,
            members: lowRank.groups.members(of: target),
            plan: lowRank.plan(of: target)
        )
        try operations.streamed.multiply(x, by: weight, rows: rows, adding: addition, into: y, on: stream)
    }

    private func product(_ x: CUDARows, _ weight: CUDAMatrix, rows: Int, into y: CUDARows) throws(CUDAError) {
        if takes(weight, rows: rows) {
            return try operations.streamed.multiply(x, by: weight, rows: rows, adding: nil, into: y, on: stream)
        }
        let plan = try dense.plan(productShape(weight, rows: rows, result: y.type))
        try dense.multiply(plan, x.address, by: weight.address, into: y.address, on: stream)
    }

    private func productShape(_ weight: CUDAMatrix, rows: Int, result: ScalarType) -> DenseShape {
        DenseShape(
            rows: Self.paddedRows(rows),
            inputs: weight.inputs,
            outputs: weight.outputs,
            element: type,
            result: result
        )
    }

    /// Chooses, by timing, how each product of a decode step is computed, unless an earlier start has.
    mutating func tuneProducts() {
        faults.attempt { () throws(CUDAError) in
            let scratch = try TuningScratch(context, weights: weights, rows: graphs.sizes.last ?? 1)
            for rows in graphs.sizes {
                for group in scratch.groups where !takes(group[0], rows: rows) {
                    let isHead = group[0].outputs == shape.vocabularySize
                    let shape = productShape(group[0], rows: rows, result: isHead ? .float32 : type)
                    guard dense.choices[shape] == nil else { continue }
                    try dense.tune(shape, over: scratch.operands(group), on: stream)
                }
            }
            dense.choices.save()
        }
    }
}

/// Memory and weights for timing products.
private struct TuningScratch {
    /// Weights of one shape, few of each but more than the cache holds.
    let groups: [[CUDAMatrix]]
    private let input: DeviceBuffer
    private let output: DeviceBuffer

    init(_ context: Context, weights: [CUDAMatrix], rows: Int) throws(CUDAError) {
        var groups: [[CUDAMatrix]] = []
        for weight in weights {
            let same = groups.firstIndex { $0[0].outputs == weight.outputs && $0[0].inputs == weight.inputs }
            guard let same else {
                groups.append([weight])
                continue
            }
            if groups[same].count < 6 { groups[same].append(weight) }
        }
        self.groups = groups
        input = try DeviceBuffer(context, byteCount: 2 * rows * (weights.map(\.inputs).max() ?? 1))
        output = try DeviceBuffer(context, byteCount: 4 * rows * (weights.map(\.outputs).max() ?? 1))
        try input.fill(0x3C)
    }

    func operands(_ group: [CUDAMatrix]) -> [DenseOperands] {
        group.map { DenseOperands(x: input.address, weight: $0.address, y: output.address) }
    }
}
