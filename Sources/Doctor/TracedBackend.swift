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
    private var isDecode = false
    private var rowCount = 0
    private var wantedCount = 0

    init(_ device: consuming Device) { self.device = device }

    mutating func makeMatrix(_ parts: [HostTensor]) -> Matrix { device.makeMatrix(parts) }
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

    mutating func forward(_ batch: borrowing Batch, _ pass: (inout Self) -> Rows) -> Rows {
        trace.removeAll()
        (isDecode, rowCount, wantedCount) = (batch.isDecode, batch.tokenCount, batch.logitRows.count)
        guard let placeholder else { preconditionFailure("a step before there is room for activations") }
        // The device takes the batch and has nothing to do; the operations then come one by one.
        _ = device.forward(batch) { _ in placeholder }
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

    mutating func addProduct(
        of x: Rows,
        by weight: Matrix,
        bias: Vector?,
        target: AdapterTarget,
        through delta: Rows,
        to residual: Rows
    ) -> Rows? {
        let pending = device.addProduct(
            of: x,
            by: weight,
            bias: bias,
            target: target,
            through: delta,
            to: residual
        )
        note("residual after \(target)", residual, rowCount, adding: pending)
        return pending
    }

    mutating func addProductAndNormalize(
        of x: Rows,
        by weight: Matrix,
        bias: Vector?,
        target: AdapterTarget,
        through delta: Rows,
        to residual: Rows,
        by norm: Norm<Vector>,
        into normalized: Rows
    ) {
        device.addProductAndNormalize(
            of: x,
            by: weight,
            bias: bias,
            target: target,
            through: delta,
            to: residual,
            by: norm,
            into: normalized
        )
        note("residual after \(target)", residual, rowCount)
    }

    mutating func sumOverRanks(_ y: Rows) { device.sumOverRanks(y) }
    mutating func finish() throws(BackendError) { try device.finish() }

    mutating func normalizeHeads(_ x: Rows, column: Int, heads: Int, by norm: Norm<Vector>) {
        device.normalizeHeads(x, column: column, heads: heads, by: norm)
        note("normalizeHeads at \(column)", x, rowCount)
    }

    mutating func rotateAndAppend(_ qkv: Rows, layer: Int, shape: AttentionShape) {
        device.rotateAndAppend(qkv, layer: layer, shape: shape)
        // Keys and values go to the cache; what is left in the rows beside the queries is the device's own affair.
        note("layer \(layer) rotate", qkv, rowCount, columns: shape.heads * shape.headSize)
    }

    mutating func attend(_ qkv: Rows, layer: Int, shape: AttentionShape, into output: Rows) {
        device.attend(qkv, layer: layer, shape: shape, into: output)
        note("layer \(layer) attend", output, rowCount)
    }

    mutating func appendAndAttend(_ qkv: Rows, layer: Int, shape: AttentionShape, into output: Rows) {
        guard isDecode else {
            // No device does both at once then, so they are compared one by one.
            rotateAndAppend(qkv, layer: layer, shape: shape)
            return attend(qkv, layer: layer, shape: shape, into: output)
        }
        device.appendAndAttend(qkv, layer: layer, shape: shape, into: output)
        note("layer \(layer) append and attend", output, rowCount)
    }

    mutating func gate(_ x: Rows, into y: Rows) {
        device.gate(x, into: y)
        note("gate", y, rowCount)
    }

    mutating func sample(
        _ logits: Rows,
        _ requests: borrowing [SamplingRequest],
        into outputs: inout [SampledToken?]
    ) throws(BackendError) {
        try device.sample(logits, requests, into: &outputs)
    }

    /// The operations of the last step.
    mutating func takeTrace() throws(BackendError) -> [TracedOperation] {
        if let failure { throw failure }
        return trace
    }

    mutating func read(_ rows: Rows, count: Int) throws(BackendError) -> [[Float]] {
        try device.read(rows, count: count)
    }

    /// - Parameter pending: rows to be added to them.
    private mutating func note(
        _ name: String,
        _ rows: Rows,
        _ count: Int,
        columns: Int? = nil,
        adding pending: Rows? = nil
    ) {
        guard failure == nil else { return }
        do throws(BackendError) {
            var values = try device.read(rows, count: count).flatMap { $0.prefix(columns ?? .max) }
            if let pending {
                let missing = try device.read(pending, count: count).joined()
                for (index, value) in missing.enumerated() { values[index] += value }
            }
            trace.append(TracedOperation(name: name, values: values))
        } catch {
            failure = error
        }
    }
}

/// What one operation left.
struct TracedOperation: Sendable {
    let name: String
    let values: [Float]
}

/// `‖value − reference‖ / ‖reference‖`; infinite when a number is not finite or the lengths differ.
func relativeError(_ values: [Float], _ reference: [Float]) -> Double {
    guard values.count == reference.count else { return .infinity }
    var (difference, norm) = (0.0, 0.0)
    for (value, expected) in zip(values, reference) {
        guard value.isFinite, expected.isFinite else { return .infinity }
        difference += Double(value - expected) * Double(value - expected)
        norm += Double(expected) * Double(expected)
    }
    return norm == 0 ? (difference == 0 ? 0 : .infinity) : (difference / norm).squareRoot()
}
