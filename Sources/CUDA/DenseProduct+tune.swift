/// Where the operands of a product lie.
package struct DenseOperands: Sendable {
    package let x: UInt64
    package let weight: UInt64
    package let y: UInt64

    package init(x: UInt64, weight: UInt64, y: UInt64) {
        self.x = x
        self.weight = weight
        self.y = y
    }
}

/// What tuning found for a shape.
package struct DenseTiming: Sendable, Equatable {
    package let shape: DenseShape
    /// Each candidate's microseconds for one product, in the library's order; nil for one that failed to run.
    package let candidates: [Double?]

    /// Microseconds of the algorithm chosen.
    package var best: Double { candidates.compactMap(\.self).min() ?? .infinity }
    /// Microseconds of the library's first guess.
    package var first: Double? { candidates.first ?? nil }
}

extension DenseProduct {
    /// Times the library's candidates for a shape and takes the quickest for later products.
    ///
    /// Waits for the stream. What Y holds afterwards is undefined.
    ///
    /// - Parameters:
    ///   - operands: products to time one after the other; enough different weights that none is still in the cache
    ///     when it comes again, as the layers of a model are.
    ///   - candidateCount: how many to time.
    ///   - repetitions: the quickest of so many rounds over the operands counts.
    @discardableResult
    package func tune(
        _ shape: DenseShape,
        over operands: [DenseOperands],
        candidateCount: Int = 8,
        repetitions: Int = 3,
        on stream: Stream
    ) throws(CUDAError) -> DenseTiming {
        precondition(!operands.isEmpty && repetitions > 0, "nothing to time")
        let plan = try plan(shape)
        let candidates = try candidates(for: plan, limit: candidateCount)
        var times: [Double?] = []
        for candidate in candidates {
            plan.algorithm = candidate
            times.append(try time(plan, operands, repetitions, stream))
        }
        guard let best = times.compactMap(\.self).min(), let index = times.firstIndex(of: best) else {
            throw .noAlgorithm(shape)
        }
        plan.algorithm = candidates[index]
        choices[shape] = candidates[index]
        return DenseTiming(shape: shape, candidates: times)
    }

    /// Microseconds of one product; nil when the library refuses the algorithm after all.
    private func time(
        _ plan: DensePlan,
        _ operands: [DenseOperands],
        _ repetitions: Int,
        _ stream: Stream
    ) throws(CUDAError) -> Double? {
        let graph: Graph
        do throws(CUDAError) {
            graph = try Graph.capture(on: stream) { () throws(CUDAError) in
                for product in operands {
                    try multiply(plan, product.x, by: product.weight, into: product.y, on: stream)
                }
            }
        } catch {
            if error.isSticky { throw error }
            return nil
        }
        try graph.launch(on: stream)
        let start = try Event(context, timing: true)
        let end = try Event(context, timing: true)
        var best = Double.infinity
        for _ in 0..<repetitions {
            try start.record(on: stream)
            try graph.launch(on: stream)
            try end.record(on: stream)
            try end.synchronize()
            best = min(best, try Event.milliseconds(from: start, to: end))
        }
        return best * 1000 / Double(operands.count)
    }
}
