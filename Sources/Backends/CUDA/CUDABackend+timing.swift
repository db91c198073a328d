internal import CUDA
internal import Core

/// Operations alone, for measuring.
extension CUDABackend {
    /// Times what `pass` issues for a step: recorded once, replayed, with events around each replay.
    ///
    /// - Parameters:
    ///   - replays: at least 1; a few more come first and do not count.
    ///   - updatesAlone: whether `pass` makes no products for updates to go along with.
    /// - Returns: milliseconds of each replay.
    package mutating func time(
        _ batch: borrowing Batch,
        replays: Int,
        updatesAlone: Bool = false,
        _ pass: (inout CUDABackend) -> Void
    ) throws(BackendError) -> [Double] {
        _ = begin(batch)
        if updatesAlone, extent.updates == .along, operations.lowRank.isPlanned { extent.updates = .beside }
        // Once a step and not once an operation.
        planLowRank()
        let (stream, faults) = (stream, faults)
        var times: [Double] = []
        faults.attempt { () throws(CUDAError) in
            let graph = try Graph.capture(on: stream) { () throws(CUDAError) in
                pass(&self)
                if let fault = faults.first { throw fault }
            }
            let (start, end) = (try Event(context, timing: true), try Event(context, timing: true))
            for replay in -3..<replays {
                // Each replay is a step of its own: words of an earlier one must not pass for its.
                step.`repeat`()
                try step.upload(awaited: operations.sampler.tokens, on: stream)
                try start.record(on: stream)
                try graph.launch(on: stream)
                try end.record(on: stream)
                try end.synchronize()
                if replay >= 0 { times.append(try Event.milliseconds(from: start, to: end)) }
            }
        }
        if let fault = faults.first { throw BackendError(fault.description) }
        return times
    }

    /// Whether the updates of the step timed last are added to what a product has left, or else written.
    package var addsUpdates: Bool { extent.addsUpdates }

    /// Chooses algorithms for the dense products of decode steps, as `prepare` does.
    package mutating func prepareProducts() { tuneProducts() }

    /// The low-rank updates of a group of products without the products: `y[s] += (x[s]·Aᵀ)·Bᵀ·scale`, or where they run
    /// beside their product `y[s] = (x[s]·Aᵀ)·Bᵀ·scale`.
    package mutating func update(_ x: CUDARows, target: AdapterTarget, into y: CUDARows) {
        updateLowRank(x, target: target, rows: rowCount(of: target), into: y)
    }
}
