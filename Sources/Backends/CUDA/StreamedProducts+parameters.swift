internal import CUDA
internal import CUDAKernels
internal import Core

extension StreamedProducts {
    /// What is done to `x · Wᵀ` besides.
    struct Change {
        /// Whose low-rank updates it takes along, as planned; nil where no row has an adapter.
        var updates: AdapterTarget?
        /// What x is to be divided by, if it is: `sqrt(mean(y²) + epsilon)` of the last y that a norm followed.
        var epsilon: Float?
        /// Address of a float32 vector to add; 0 for none.
        var bias: UInt64 = 0
        /// Whether W is `[gate | up]` and y = silu(gate) · up.
        var isGated = false
        /// Whether it is added to what lies in y.
        var adds = false
        var following: Following?
    }

    /// The norm of y but for the division, which the products do that take it.
    struct Following {
        let norm: CUDAVector
        let rows: CUDARows
    }

    func parameters(
        _ x: CUDARows,
        by weight: CUDAMatrix,
        rows: Int,
        _ change: Change,
        into y: CUDARows
    ) -> DenseStreamParams {
        change.check(x, by: weight, into: y)
        var parameters = DenseStreamParams()
        parameters.x = x.address
        parameters.weight = weight.address
        parameters.y = y.address
        parameters.bias = change.bias
        parameters.rows = Int32(rows)
        parameters.inputs = Int32(weight.inputs)
        parameters.outputs = Int32(weight.outputs)
        parameters.xPitch = Int32(x.pitch)
        parameters.weightPitch = Int32(weight.pitch)
        parameters.yPitch = Int32(y.pitch)
        parameters.isFloat = y.type == .float32 ? 1 : 0
        parameters.isGated = change.isGated ? 1 : 0
        parameters.adds = change.adds ? 1 : 0
        parameters.columns = (0, .max, .max, .max)
        meetNorms(change, &parameters)
        if let target = change.updates {
            parameters.plan = plans.address + UInt64(MemoryLayout<DenseUpdatePlan>.stride * groups.number(of: target))
            parameters.vectors = vectors.address
            parameters.columns = groups.members(of: target).bounds
        }
        return parameters
    }

    private func meetNorms(_ change: Change, _ parameters: inout DenseStreamParams) {
        if let epsilon = change.epsilon {
            parameters.squares = squares.address
            parameters.epsilon = epsilon
            parameters.inverse = 1 / Float(parameters.inputs)
        }
        if let following = change.following {
            parameters.norm = following.norm.address
            parameters.normed = following.rows.address
            parameters.normedPitch = Int32(following.rows.pitch)
            parameters.outputSquares = squares.address
        }
    }
}

extension StreamedProducts.Change {
    /// Traps for what the kernel cannot do together.
    fileprivate func check(_ x: CUDARows, by weight: CUDAMatrix, into y: CUDARows) {
        precondition(x.width == weight.inputs && x.type != .float32, "other rows than the product takes")
        precondition(y.width == (isGated ? weight.outputs / 2 : weight.outputs), "rows of another width")
        precondition(!adds || y.type == .float32, "sums are kept in float32")
        // One buffer holds the squares of both, which blocks write while others still read.
        precondition(following == nil || adds && epsilon == nil, "a norm follows only what is added to its stream")
    }
}
