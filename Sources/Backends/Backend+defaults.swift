internal import Core

/// What a device that has nothing better does.
extension Backend where Self: ~Copyable {
    package mutating func hasSampled() throws(BackendError) -> Bool { true }
    package mutating func checkHealth() throws(BackendError) {}

    package mutating func multiplyGated(
        _ x: Rows,
        by gateUp: Matrix,
        target: AdapterTarget,
        through between: Rows,
        into y: Rows
    ) {
        multiply(x, by: gateUp, bias: nil, target: target, into: between)
        gate(between, into: y)
    }

    package mutating func add(
        _ product: Product<Rows, Matrix, Vector>,
        through delta: Rows,
        to residual: Rows
    ) -> Rows? {
        multiply(product.x, by: product.weight, bias: product.bias, target: product.target, into: delta)
        sumOverRanks(delta)
        return delta
    }

    package mutating func addAndNormalize(
        _ product: Product<Rows, Matrix, Vector>,
        through delta: Rows,
        to residual: Rows,
        by norm: Norm<Vector>,
        into normalized: Rows
    ) {
        let pending = add(product, through: delta, to: residual)
        normalize(residual, adding: pending, by: norm, into: normalized)
    }
}
