/// The dense products of a decoder layer that an adapter can change.
package enum Projection: Int, CaseIterable, Sendable {
    case query, key, value, output, gate, up, down
}

/// One low-rank update: `y = columnScale · (W·x + scale · B·(A·x)) + bias`.
///
/// `columnScale` is nil but for DoRA, where it is `magnitude / ‖W + scale·B·A‖` for each output.
package struct LowRankPair: Sendable {
    /// `[rank, inputs]`
    package let a: HostTensor
    /// `[outputs, rank]`
    package let b: HostTensor
    package let scale: Float
    /// `[outputs]` or nil.
    package let columnScale: [Float]?

    package var rank: Int { a.shape[0] }

    /// - Precondition: `b` has `a`'s rank as its second dimension.
    package init(a: HostTensor, b: HostTensor, scale: Float, columnScale: [Float]? = nil) {
        precondition(a.shape.count == 2 && b.shape.count == 2 && b.shape[1] == a.shape[0], "\(a.shape) × \(b.shape)")
        precondition(columnScale.map { $0.count == b.shape[0] } ?? true, "one column scale for each output")
        self.a = a
        self.b = b
        self.scale = scale
        self.columnScale = columnScale
    }
}
