internal import CUDA
internal import Core

/// How products are computed that the kernel for few rows leaves.
extension CUDABackend {
    /// How a kernel of our own computes a product; nil leaves it to the library.
    func wideGeometry(_ weight: CUDAMatrix, rows: Int) -> WideGeometry? {
        switch settings.wideProducts {
        case .never: nil
        case .quicker: operations.wide[wideShape(weight, rows: rows)]
        case .always: anyWideGeometry(weight, rows: rows)
        }
    }

    /// Now this, now that, so that all are checked.
    private func anyWideGeometry(_ weight: CUDAMatrix, rows: Int) -> WideGeometry? {
        let geometries = operations.wide.geometries(weight, rows: rows)
        return geometries.isEmpty ? nil : geometries[(weight.outputs / 8 + rows) % geometries.count]
    }

    private func wideShape(_ weight: CUDAMatrix, rows: Int) -> WideProducts.Shape {
        WideProducts.Shape(outputs: weight.outputs, inputs: weight.inputs, rows: Self.paddedRows(rows))
    }

    /// Chooses, by timing, how each product of a decode step is computed. The library's algorithms are kept for later
    /// starts; whether a kernel of our own is quicker is found anew.
    mutating func tuneProducts() {
        faults.attempt { () throws(CUDAError) in
            let scratch = try TuningScratch(context, weights: weights, rows: graphs.sizes.last ?? 1)
            for rows in graphs.sizes {
                for group in scratch.groups where !operations.streamed.takes(group[0], rows: rows) {
                    let isHead = group[0].outputs == shape.vocabularySize
                    let shape = productShape(group[0], rows: rows, result: isHead ? .float32 : type)
                    try tune(shape, group, scratch)
                    try chooseWide(group, shape, scratch)
                }
                // Those of fewer rows take their updates along, but for great ranks.
                guard rows > 16 else { continue }
                for group in scratch.groups where group[0].outputs != shape.vocabularySize {
                    try tune(productShape(group[0], rows: rows, result: type, adds: true), group, scratch)
                }
            }
            dense.choices.save()
        }
    }

    private func tune(_ shape: DenseShape, _ weights: [CUDAMatrix], _ scratch: TuningScratch) throws(CUDAError) {
        guard dense.choices[shape] == nil else { return }
        try dense.tune(shape, over: scratch.operands(weights), on: stream)
    }

    /// Takes the kernel of our own for a shape, in the geometry that is quickest, if it is quicker than the library.
    private func chooseWide(_ weights: [CUDAMatrix], _ shape: DenseShape, _ scratch: TuningScratch) throws(CUDAError) {
        let geometries = operations.wide.geometries(weights[0], rows: shape.rows)
        guard settings.wideProducts == .quicker, !geometries.isEmpty else { return }
        let (wide, dense, stream) = (operations.wide, dense, stream)
        let isFloat = shape.result == .float32
        let plan = try dense.plan(shape)
        let (x, y) = (scratch.input.address, scratch.output.address)
        var best = try dense.time(on: stream) { () throws(CUDAError) in
            for weight in weights { try dense.multiply(plan, x, by: weight.address, into: y, on: stream) }
        }
        for geometry in geometries {
            let time: Double
            do throws(CUDAError) {
                time = try dense.time(on: stream) { () throws(CUDAError) in
                    for weight in weights {
                        try wide.multiply(
                            x,
                            by: weight,
                            rows: shape.rows,
                            geometry,
                            into: y,
                            isFloat: isFloat,
                            on: stream
                        )
                    }
                }
            } catch {
                // What a GPU refuses is not quicker.
                if error.isSticky { throw error }
                continue
            }
            guard time < best else { continue }
            best = time
            wide[wideShape(weights[0], rows: shape.rows)] = geometry
        }
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
