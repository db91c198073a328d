package import Core

/// The shape of a product `Y[T, N] = X[T, K] · W[N, K]ᵀ`, all row-major, accumulated in float32.
package struct DenseShape: Hashable, Sendable {
    /// T.
    package var rows: Int
    /// K.
    package var inputs: Int
    /// N.
    package var outputs: Int
    /// Elements from one row of X to the next; at least `inputs`.
    package var inputStride: Int
    /// Elements from one row of W to the next; at least `inputs`.
    package var weightStride: Int
    /// Elements from one row of Y to the next; at least `outputs`.
    package var outputStride: Int
    /// Of X and W: `bfloat16` or `float16`.
    package var element: ScalarType
    /// Of Y: `element` or `float32`.
    package var result: ScalarType

    /// - Parameters:
    ///   - inputStride: nil for `inputs`.
    ///   - weightStride: nil for `inputs`.
    ///   - outputStride: nil for `outputs`.
    ///   - result: nil for `element`.
    package init(
        rows: Int,
        inputs: Int,
        outputs: Int,
        element: ScalarType = .bfloat16,
        result: ScalarType? = nil,
        inputStride: Int? = nil,
        weightStride: Int? = nil,
        outputStride: Int? = nil
    ) {
        self.rows = rows
        self.inputs = inputs
        self.outputs = outputs
        self.inputStride = inputStride ?? inputs
        self.weightStride = weightStride ?? inputs
        self.outputStride = outputStride ?? outputs
        self.element = element
        self.result = result ?? element
        precondition(rows > 0 && inputs > 0 && outputs > 0, "an empty product: \(self)")
        precondition(
            self.inputStride >= inputs && self.weightStride >= inputs && self.outputStride >= outputs,
            "rows that overlap: \(self)"
        )
        precondition(element != .float32, "a dense product of float32")
        precondition(self.result == element || self.result == .float32, "a result of another type: \(self)")
    }
}

extension DenseShape: CustomStringConvertible {
    package var description: String {
        "[\(rows), \(inputs)/\(inputStride)] \(element.rawValue) by [\(outputs), \(inputs)/\(weightStride)] "
            + "to [\(rows), \(outputs)/\(outputStride)] \(result.rawValue)"
    }
}
