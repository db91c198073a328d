import Backends
import Core
import Sampling

/// The CPU's backend, but that products add to the residual stream themselves and leave nothing to add.
struct AddingBackend: InspectableBackend, ~Copyable {
    typealias Matrix = CPUBackend.Matrix
    typealias Vector = CPUBackend.Vector
    typealias Rows = CPUBackend.Rows

    private var device: CPUBackend
    /// Of the residual stream's width.
    private var anyNorm: Norm<Vector>?

    init(_ device: consuming CPUBackend) { self.device = device }

    mutating func add(_ product: Product<Rows, Matrix, Vector>, through delta: Rows, to residual: Rows) -> Rows? {
        guard let anyNorm else { preconditionFailure("a residual stream before there is room for it") }
        let pending = device.add(product, through: delta, to: residual)
        // What the norm leaves is of no use; that it adds first is.
        device.normalize(residual, adding: pending, by: anyNorm, into: delta)
        return nil
    }

    mutating func makeRows(_ count: Int, width: Int, _ kind: RowsKind) -> Rows {
        if kind == .residual {
            let ones = HostMemory(byteCount: 4 * width)
            for index in 0..<width { ones.bytes.storeBytes(of: 1, toByteOffset: 4 * index, as: Float.self) }
            anyNorm = Norm(weight: device.makeVector([ones.tensor(type: .float32, shape: [width])]), epsilon: 1e-5)
        }
        return device.makeRows(count, width: width, kind)
    }

    mutating func makeMatrix(_ parts: [HostTensor], for target: AdapterTarget?) -> Matrix {
        device.makeMatrix(parts, for: target)
    }

    mutating func makeVector(_ parts: [HostTensor]) -> Vector { device.makeVector(parts) }
    mutating func makeKVCache(_ shape: KVShape) { device.makeKVCache(shape) }
    mutating func makeRotaryTables(_ tables: RotaryTables) { device.makeRotaryTables(tables) }
    func footprint(of adapter: AdapterWeights) -> AdapterFootprint { device.footprint(of: adapter) }

    mutating func install(_ adapter: AdapterWeights, in blocks: [BlockID]) -> AdapterSlot? {
        device.install(adapter, in: blocks)
    }

    mutating func hasLanded(_ slot: AdapterSlot) -> Bool { device.hasLanded(slot) }
    mutating func remove(_ slot: AdapterSlot) { device.remove(slot) }
    mutating func prepare(_ pass: (inout Self) -> Rows) {}

    var runsAhead: Bool { false }

    mutating func forward(
        _ batch: borrowing Batch,
        choosing requests: borrowing [SamplingRequest],
        _ pass: (inout Self) -> Rows
    ) -> Rows {
        // The device takes the batch; the operations come through this backend afterwards.
        _ = device.forward(batch, choosing: requests) { $0.makeRows(1, width: 1, .activations) }
        return pass(&self)
    }

    mutating func embed(_ table: Matrix, into x: Rows) { device.embed(table, into: x) }

    mutating func normalize(_ x: Rows, adding delta: Rows?, by norm: Norm<Vector>, into y: Rows) {
        device.normalize(x, adding: delta, by: norm, into: y)
    }

    mutating func normalizeWanted(_ x: Rows, adding delta: Rows?, by norm: Norm<Vector>, into y: Rows) {
        device.normalizeWanted(x, adding: delta, by: norm, into: y)
    }

    mutating func multiply(_ x: Rows, by weight: Matrix, bias: Vector?, target: AdapterTarget, into y: Rows) {
        device.multiply(x, by: weight, bias: bias, target: target, into: y)
    }

    mutating func sumOverRanks(_ y: Rows) { device.sumOverRanks(y) }

    mutating func normalizeHeads(_ x: Rows, column: Int, heads: Int, by norm: Norm<Vector>) {
        device.normalizeHeads(x, column: column, heads: heads, by: norm)
    }

    mutating func appendAndAttend(_ qkv: Rows, layer: Int, shape: AttentionShape, into output: Rows) {
        device.appendAndAttend(qkv, layer: layer, shape: shape, into: output)
    }

    mutating func gate(_ x: Rows, into y: Rows) { device.gate(x, into: y) }

    mutating func sample(_ logits: Rows, _ requests: borrowing [SamplingRequest]) { device.sample(logits, requests) }
    mutating func takeSamples(into outputs: inout [SampledToken?]) { device.takeSamples(into: &outputs) }

    mutating func finish() { device.finish() }

    mutating func read(_ rows: Rows, count: Int) throws(BackendError) -> [[Float]] {
        try device.read(rows, count: count)
    }
}
