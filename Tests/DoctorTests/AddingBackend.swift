import BackendFakes
import Backends
import Core

/// The CPU's backend, but that products add to the residual stream themselves and leave nothing to add.
struct AddingBackend: ForwardingBackend, ~Copyable {
    typealias Matrix = CPUBackend.Matrix
    typealias Vector = CPUBackend.Vector
    typealias Rows = CPUBackend.Rows

    var device: CPUBackend
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
}
