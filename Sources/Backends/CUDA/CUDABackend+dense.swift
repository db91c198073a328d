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
        if streams(weight, rows: rows) {
            return stream(Product(x, by: weight, bias: bias, target: target), .init(), into: y)
        }
        pendingUpdates.overwrite(y.address)
        multiplyByLibrary(x, weight, target: target, rows: rows, into: y)
        if hasUpdates(target), !runsBeside(target) { updateLowRank(x, target: target, rows: rows, into: y) }
        // After the low-rank update, since DoRA scales what comes before the bias.
        if let bias { addBias(bias, rows: rows, to: y) }
    }

    package mutating func multiplyGated(
        _ x: CUDARows,
        by gateUp: CUDAMatrix,
        target: AdapterTarget,
        through between: CUDARows,
        into y: CUDARows
    ) {
        let rows = rowCount(of: target)
        guard rows > 0 else { return }
        if canGate(gateUp), streams(gateUp, rows: rows) {
            return stream(Product(x, by: gateUp, bias: nil, target: target), .init(isGated: true), into: y)
        }
        multiply(x, by: gateUp, bias: nil, target: target, into: between)
        gate(between, into: y)
    }

    package mutating func add(
        _ product: Product<CUDARows, CUDAMatrix, CUDAVector>,
        through delta: CUDARows,
        to residual: CUDARows
    ) -> CUDARows? {
        let rows = rowCount(of: product.target)
        guard rows > 0 else { return nil }
        if canAdd, streams(product.weight, rows: rows) {
            stream(product, .init(adds: true), into: residual)
            return nil
        }
        multiply(product.x, by: product.weight, bias: product.bias, target: product.target, into: delta)
        sumOverRanks(delta)
        return delta
    }

    package mutating func addAndNormalize(
        _ product: Product<CUDARows, CUDAMatrix, CUDAVector>,
        through delta: CUDARows,
        to residual: CUDARows,
        by norm: Norm<CUDAVector>,
        into normalized: CUDARows
    ) {
        if let rankSums, extent.rows > 0, rankSums.normalizes(rows: extent.rows) {
            multiply(product.x, by: product.weight, bias: product.bias, target: product.target, into: delta)
            return normalizeOverRanks(residual, adding: delta, by: norm, into: normalized)
        }
        guard streamsLayers else {
            let pending = add(product, through: delta, to: residual)
            return normalize(residual, adding: pending, by: norm, into: normalized)
        }
        let following = StreamedProducts.Following(norm: norm.weight, rows: normalized)
        stream(product, .init(adds: true, following: following), into: residual)
        undivided.leave(at: normalized.address, epsilon: norm.epsilon)
    }

    /// Whether products can add to the residual stream: with all of their updates, and where no ranks' parts are to be
    /// added up first.
    private var canAdd: Bool { (extent.updates == .none || extent.updates == .along) && rankSums == nil }

    /// Whether all products of the step's layers can, so that they can divide what norms leave undivided.
    private var streamsLayers: Bool {
        canAdd && type == .bfloat16
            && (extent.updates == .along || extent.rows <= operations.streamed.mostBaseRows)
    }

    func rowCount(of target: AdapterTarget) -> Int {
        switch target {
        case .projections: extent.rows
        case .head: extent.wanted
        }
    }

    /// Whether one launch makes a product and all that is done to it.
    private func streams(_ weight: CUDAMatrix, rows: Int) -> Bool {
        switch extent.updates {
        case .none: operations.streamed.takes(weight, rows: rows)
        case .along: true
        case .beside, .after: false
        }
    }

    private func canGate(_ gateUp: CUDAMatrix) -> Bool { gateUp.outputs % 8 == 0 }

    /// A product of few rows with its updates.
    private mutating func stream(
        _ product: Product<CUDARows, CUDAMatrix, CUDAVector>,
        _ change: StreamedProducts.Change,
        into y: CUDARows
    ) {
        var change = change
        change.bias = product.bias?.address ?? 0
        if extent.updates == .along { change.updates = product.target }
        change.epsilon = undivided.epsilon(at: product.x.address)
        undivided.overwrite(y.address)
        pendingUpdates.overwrite(y.address)
        let rows = rowCount(of: product.target)
        faults.attempt { () throws(CUDAError) in
            try operations.streamed.multiply(product.x, by: product.weight, rows: rows, change, into: y, on: stream)
        }
    }

    /// The product, and what of its updates does not follow it: columns, and those that run beside it.
    private mutating func multiplyByLibrary(
        _ x: CUDARows,
        _ weight: CUDAMatrix,
        target: AdapterTarget,
        rows: Int,
        into y: CUDARows
    ) {
        let runsBeside = runsBeside(target)
        faults.attempt { () throws(CUDAError) in
            precondition(!runsBeside || branch != nil, "updates before there is room for adapters")
            let branch = runsBeside ? branch : nil
            // The shrink leaves columns beside x, which other updates do not read; the expand of long ones reads its sums.
            if extent.runsBesideShrink { try branch?.begin(beside: stream) }
            try prepareColumns(x, target)
            if !extent.runsBesideShrink { try branch?.begin(beside: stream) }
            try product(x, weight, columns: extent.columns.width(of: target), rows: rows, into: y)
            if let branch { try updateBeside(x, target, rows: rows, of: y, on: branch) }
        }
        if runsBeside { pendingUpdates.leave(of: y.address) }
    }

    private func product(
        _ x: CUDARows,
        _ weight: CUDAMatrix,
        columns: Int,
        rows: Int,
        into y: CUDARows
    ) throws(CUDAError) {
        precondition(undivided.epsilon(at: x.address) == nil, "rows that only products of our own can divide")
        precondition(!pendingUpdates.areLeft(of: x.address), "rows whose updates nobody has added")
        var shape = productShape(weight, rows: rows, result: y.type)
        shape.inputs += columns
        precondition(shape.inputStride == x.pitch && shape.outputStride == y.pitch, "other rows than \(shape) takes")
        let plan = try dense.plan(shape)
        try dense.multiply(plan, x.address, by: weight.address, into: y.address, on: stream)
    }

    func productShape(_ weight: CUDAMatrix, rows: Int, result: ScalarType) -> DenseShape {
        DenseShape(
            rows: Self.paddedRows(rows),
            inputs: weight.inputs,
            outputs: weight.outputs,
            element: type,
            result: result,
            inputStride: weight.inputs + (weight.pitch > weight.inputs ? LowRankColumns.inputRoom : 0),
            weightStride: weight.pitch
        )
    }
}
