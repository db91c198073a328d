internal import Backends
internal import Core
internal import Sampling

/// A backend that notes what every operation leaves, so that two devices can be compared operation by operation.
struct TracedBackend<Device: InspectableBackend & ~Copyable>: InspectableBackend, ~Copyable {
    typealias Matrix = Device.Matrix
    typealias Vector = Device.Vector
    typealias Rows = Device.Rows

    private var device: Device
    private var trace: [TracedOperation] = []
    private var failure: BackendError?
    /// What the device's own pass returns, which does nothing.
    private var placeholder: Rows?
    private var rowCount = 0
    private var wantedCount = 0

    init(_ device: consuming Device) { self.device = device }

    mutating func makeMatrix(_ parts: [HostTensor], for target: AdapterTarget?) -> Matrix {
        device.makeMatrix(parts, for: target)
    }

    mutating func makeVector(_ parts: [HostTensor]) -> Vector { device.makeVector(parts) }

    mutating func makeRows(_ count: Int, width: Int, _ kind: RowsKind) -> Rows {
        let rows = device.makeRows(count, width: width, kind)
        if placeholder == nil { placeholder = rows }
        return rows
    }

    mutating func makeKVCache(_ shape: KVShape) { device.makeKVCache(shape) }
    mutating func makeRotaryTables(_ tables: RotaryTables) { device.makeRotaryTables(tables) }
    func footprint(of adapter: AdapterWeights) -> AdapterFootprint { device.footprint(of: adapter) }

    mutating func install(_ adapter: AdapterWeights, in blocks: [BlockID]) -> AdapterSlot? {
        device.install(adapter, in: blocks)
    }

    mutating func hasLanded(_ slot: AdapterSlot) throws(BackendError) -> Bool { try device.hasLanded(slot) }
    mutating func remove(_ slot: AdapterSlot) { device.remove(slot) }
    mutating func prepare(_ pass: (inout Self) -> Rows) {}

    var runsAhead: Bool { device.runsAhead }

    mutating func forward(
        _ batch: borrowing Batch,
        choosing requests: borrowing [SamplingRequest],
        _ pass: (inout Self) -> Rows
    ) -> Rows {
        trace.removeAll()
        (rowCount, wantedCount) = (batch.tokenCount, batch.logitRows.count)
        guard let placeholder else { preconditionFailure("a step before there is room for activations") }
        // The device takes the batch and has nothing to do; the operations then come one by one.
        _ = device.forward(batch, choosing: requests) { _ in placeholder }
        return pass(&self)
    }

    mutating func embed(_ table: Matrix, into x: Rows) {
        device.embed(table, into: x)
        note("embed", x, rowCount)
    }

    mutating func normalize(_ x: Rows, adding delta: Rows?, by norm: Norm<Vector>, into y: Rows) {
        device.normalize(x, adding: delta, by: norm, into: y)
        note("normalize", y, rowCount)
    }

    mutating func normalizeWanted(_ x: Rows, adding delta: Rows?, by norm: Norm<Vector>, into y: Rows) {
        device.normalizeWanted(x, adding: delta, by: norm, into: y)
        note("normalizeWanted", y, wantedCount)
    }

    mutating func multiply(_ x: Rows, by weight: Matrix, bias: Vector?, target: AdapterTarget, into y: Rows) {
        device.multiply(x, by: weight, bias: bias, target: target, into: y)
        note("\(target)", y, target == .head ? wantedCount : rowCount)
    }

    mutating func multiplyGated(
        _ x: Rows,
        by gateUp: Matrix,
        target: AdapterTarget,
        through between: Rows,
        into y: Rows
    ) {
        device.multiplyGated(x, by: gateUp, target: target, through: between, into: y)
        note("\(target), gated", y, rowCount)
    }

    mutating func add(_ product: Product<Rows, Matrix, Vector>, through delta: Rows, to residual: Rows) -> Rows? {
        let before = values(residual, rowCount)
        let pending = device.add(product, through: delta, to: residual)
        noteChange(product.target, residual, since: before, pending: pending)
        return pending
    }

    mutating func addAndNormalize(
        _ product: Product<Rows, Matrix, Vector>,
        through delta: Rows,
        to residual: Rows,
        by norm: Norm<Vector>,
        into normalized: Rows
    ) {
        let before = values(residual, rowCount)
        device.addAndNormalize(product, through: delta, to: residual, by: norm, into: normalized)
        noteChange(product.target, residual, since: before, pending: nil)
    }

    mutating func sumOverRanks(_ y: Rows) { device.sumOverRanks(y) }
    mutating func checkHealth() throws(BackendError) { try device.checkHealth() }
    mutating func finish() throws(BackendError) { try device.finish() }

    mutating func normalizeHeads(_ x: Rows, column: Int, heads: Int, by norm: Norm<Vector>) {
        device.normalizeHeads(x, column: column, heads: heads, by: norm)
        note("normalizeHeads at \(column)", x, rowCount)
    }

    mutating func appendAndAttend(_ qkv: Rows, layer: Int, shape: AttentionShape, into output: Rows) {
        device.appendAndAttend(qkv, layer: layer, shape: shape, into: output)
        note("layer \(layer) append and attend", output, rowCount)
    }

    mutating func gate(_ x: Rows, into y: Rows) {
        device.gate(x, into: y)
        note("gate", y, rowCount)
    }

    mutating func sample(_ logits: Rows, _ requests: borrowing [SamplingRequest]) { device.sample(logits, requests) }

    mutating func hasSampled() throws(BackendError) -> Bool { try device.hasSampled() }

    mutating func takeSamples(into outputs: inout [SampledToken?]) throws(BackendError) {
        try device.takeSamples(into: &outputs)
    }

    /// The operations of the last step.
    mutating func takeTrace() throws(BackendError) -> [TracedOperation] {
        if let failure { throw failure }
        return trace
    }

    mutating func read(_ rows: Rows, count: Int) throws(BackendError) -> [[Float]] {
        try device.read(rows, count: count)
    }

    private mutating func note(_ name: String, _ rows: Rows, _ count: Int, columns: Int? = nil) {
        guard let values = values(rows, count, columns: columns) else { return }
        trace.append(TracedOperation(name: name, values: values))
    }

    /// Notes what has been added to the residual stream: beside all that was there before, its errors would look small.
    private mutating func noteChange(_ target: AdapterTarget, _ residual: Rows, since before: [Float]?, pending: Rows?)
    {
        guard let before, let after = values(residual, rowCount) else { return }
        var change = zip(after, before).map { $0 - $1 }
        if let pending {
            guard let missing = values(pending, rowCount) else { return }
            for (index, value) in missing.enumerated() { change[index] += value }
        }
        trace.append(TracedOperation(name: "\(target)", values: change))
    }

    /// The numbers of the first rows; nil once something has failed.
    private mutating func values(_ rows: Rows, _ count: Int, columns: Int? = nil) -> [Float]? {
        guard failure == nil else { return nil }
        do throws(BackendError) {
            return try device.read(rows, count: count).flatMap { $0.prefix(columns ?? .max) }
        } catch {
            failure = error
            return nil
        }
    }
}
