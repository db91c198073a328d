package import Backends
package import Core
package import Sampling

/// A backend that leaves to the CPU's whatever it does not do itself.
package protocol ForwardingBackend: InspectableBackend, ~Copyable
where Matrix == CPUBackend.Matrix, Vector == CPUBackend.Vector, Rows == CPUBackend.Rows {
    var device: CPUBackend { get set }
}

extension ForwardingBackend where Self: ~Copyable {
    package var runsAhead: Bool { false }

    package mutating func makeMatrix(_ parts: [HostTensor], for target: AdapterTarget?) -> Matrix {
        device.makeMatrix(parts, for: target)
    }

    package mutating func makeVector(_ parts: [HostTensor]) -> Vector { device.makeVector(parts) }

    package mutating func makeRows(_ count: Int, width: Int, _ kind: RowsKind) -> Rows {
        device.makeRows(count, width: width, kind)
    }

    package mutating func makeKVCache(_ shape: KVShape) { device.makeKVCache(shape) }
    package mutating func makeRotaryTables(_ tables: RotaryTables) { device.makeRotaryTables(tables) }
    package func footprint(of adapter: AdapterWeights) -> AdapterFootprint { device.footprint(of: adapter) }

    package mutating func install(_ adapter: AdapterWeights, in blocks: [BlockID]) -> AdapterSlot? {
        device.install(adapter, in: blocks)
    }

    package mutating func hasLanded(_ slot: AdapterSlot) throws(BackendError) -> Bool { device.hasLanded(slot) }
    package mutating func remove(_ slot: AdapterSlot) { device.remove(slot) }
    package mutating func prepare(_ pass: (inout Self) -> Rows) {}

    package mutating func forward(
        _ batch: borrowing Batch,
        choosing requests: borrowing [SamplingRequest],
        _ pass: (inout Self) -> Rows
    ) -> Rows {
        // The device takes the batch; the operations come through this backend afterwards.
        _ = device.forward(batch, choosing: requests) { $0.makeRows(1, width: 1, .activations) }
        return pass(&self)
    }

    package mutating func embed(_ table: Matrix, into x: Rows) { device.embed(table, into: x) }

    package mutating func normalize(_ x: Rows, adding delta: Rows?, by norm: Norm<Vector>, into y: Rows) {
        device.normalize(x, adding: delta, by: norm, into: y)
    }

    package mutating func normalizeWanted(_ x: Rows, adding delta: Rows?, by norm: Norm<Vector>, into y: Rows) {
        device.normalizeWanted(x, adding: delta, by: norm, into: y)
    }

    package mutating func multiply(
        _ x: Rows,
        by weight: Matrix,
        bias: Vector?,
        target: AdapterTarget,
        into y: Rows
    ) {
        device.multiply(x, by: weight, bias: bias, target: target, into: y)
    }

    package mutating func sumOverRanks(_ y: Rows) { device.sumOverRanks(y) }

    package mutating func normalizeHeads(_ x: Rows, column: Int, heads: Int, by norm: Norm<Vector>) {
        device.normalizeHeads(x, column: column, heads: heads, by: norm)
    }

    package mutating func appendAndAttend(_ qkv: Rows, layer: Int, shape: AttentionShape, into output: Rows) {
        device.appendAndAttend(qkv, layer: layer, shape: shape, into: output)
    }

    package mutating func gate(_ x: Rows, into y: Rows) { device.gate(x, into: y) }

    package mutating func sample(_ logits: Rows, _ requests: borrowing [SamplingRequest]) {
        device.sample(logits, requests)
    }

    package mutating func takeSamples(into outputs: inout [SampledToken?]) throws(BackendError) {
        device.takeSamples(into: &outputs)
    }

    package mutating func finish() throws(BackendError) { device.finish() }

    package mutating func read(_ rows: Rows, count: Int) throws(BackendError) -> [[Float]] {
        try device.read(rows, count: count)
    }
}
