import Backends
import Core
import Sampling
import Synchronization

/// The CPU's backend, but that it says it is broken once it is told to.
struct BreakingBackend: Backend, ~Copyable {
    typealias Matrix = CPUBackend.Matrix
    typealias Vector = CPUBackend.Vector
    typealias Rows = CPUBackend.Rows

    /// What breaks a backend, from any thread.
    final class Switch: Sendable {
        let isOn = Atomic(false)
    }

    private var device: CPUBackend
    private let broken: Switch?

    /// - Parameter broken: nil for one that never breaks.
    init(_ device: consuming CPUBackend, broken: Switch?) {
        self.device = device
        self.broken = broken
    }

    func checkHealth() throws(BackendError) {
        if broken?.isOn.load(ordering: .relaxed) == true { throw BackendError("broken") }
    }

    mutating func makeMatrix(_ parts: [HostTensor], for target: AdapterTarget?) -> Matrix {
        device.makeMatrix(parts, for: target)
    }

    mutating func makeVector(_ parts: [HostTensor]) -> Vector { device.makeVector(parts) }

    mutating func makeRows(_ count: Int, width: Int, _ kind: RowsKind) -> Rows {
        device.makeRows(count, width: width, kind)
    }

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
}
