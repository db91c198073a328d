internal import CUDA
internal import CUDAKernels
internal import Core

/// How rows get the low-rank updates of their adapters.
extension CUDABackend {
    /// Plans the step's low-rank updates, before the first of a pass.
    mutating func planUpdates() {
        switch extent.updates {
        case .none: break
        case .beside, .after: planLowRank()
        case .along:
            guard let inputs = lowRankInputs(isHead: false) else {
                preconditionFailure("a step with adapters before there is room for them")
            }
            faults.attempt { () throws(CUDAError) in try operations.streamed.plan(inputs, extent, on: stream) }
        }
    }

    /// Shares out the low-rank work that products do not take along.
    mutating func planLowRank() {
        guard extent.hasAdapters, let inputs = lowRankInputs(isHead: false) else { return }
        faults.attempt { () throws(CUDAError) in
            try operations.lowRank.plan(inputs, extent, on: stream)
        }
    }

    /// Adds updates to what lies in `y`; where they are to run beside their product, puts them there.
    mutating func updateLowRank(_ x: CUDARows, target: AdapterTarget, rows: Int, into y: CUDARows) {
        let isHead = if case .head = target { true } else { false }
        guard let inputs = lowRankInputs(isHead: isHead) else { return }
        faults.attempt { () throws(CUDAError) in
            try operations.lowRank.run(
                target,
                x,
                inputs,
                extent,
                rows: rows,
                into: y,
                on: stream
            )
        }
    }

    func lowRankInputs(isHead: Bool) -> LowRankInputs? {
        guard let slots else { return nil }
        let segments = step.layout.segments
        return LowRankInputs(
            table: slots.table.address,
            entriesPerSlot: slots.entriesPerSlot,
            rowSlots: step.address(isHead ? step.layout.wantedSlots : step.layout.rowSlots),
            wantedSlots: step.address(step.layout.wantedSlots),
            liveRows: isHead ? liveWanted : liveRows,
            segmentStarts: step.address(segments.starts),
            segmentEnds: step.address(segments.ends),
            segmentSlots: step.address(segments.slots),
            segmentCount: liveSegments,
            round: step.address(step.layout.counts) + UInt64(4 * StepLayout.Counts.round)
        )
    }

    /// Whether a product's updates run beside it.
    func runsBeside(_ target: AdapterTarget) -> Bool {
        guard case .projections = target else { return false }
        return extent.updates == .beside && extent.hasOtherUpdates
    }

    /// Whether a product has updates but those that are columns of it.
    func hasUpdates(_ target: AdapterTarget) -> Bool {
        switch target {
        case .projections: extent.hasOtherUpdates
        case .head: extent.hasAdapters
        }
    }

    /// What a product with columns needs before: the shrink of all long segments.
    func prepareColumns(_ x: CUDARows, _ target: AdapterTarget) throws(CUDAError) {
        guard case .projections(let layer, let group) = target, !extent.columns.isEmpty else { return }
        try operations.lowRank.prepareColumns(layer, group, x, extent, on: stream)
    }

    /// Issues the updates of a product that has been issued, to run beside it.
    func updateBeside(
        _ x: CUDARows,
        _ target: AdapterTarget,
        rows: Int,
        of y: CUDARows,
        on branch: UpdateBranch
    ) throws(CUDAError) {
        guard let inputs = lowRankInputs(isHead: false) else {
            preconditionFailure("updates before there is room for adapters")
        }
        try branch.run(beside: stream, of: y) { (apart, stream) throws(CUDAError) in
            try operations.lowRank.run(target, x, inputs, extent, rows: rows, into: apart, on: stream)
        }
    }

    /// The updates of a product for its first reader, who adds them.
    mutating func takeUpdates(of product: CUDARows) -> RowUpdates {
        guard pendingUpdates.take(of: product.address), let branch else { return RowUpdates() }
        return RowUpdates(rows: branch.address, slots: step.address(updateSlots))
    }

    /// Below 0 for rows that have no updates apart from their product.
    var updateSlots: StepLayout.Region { extent.isDecode ? step.layout.rowSlots : step.layout.otherSlots }

    /// Adds to a product what its first reader would have to add.
    mutating func settleUpdates(of product: CUDARows) {
        let updates = takeUpdates(of: product)
        guard updates.rows != 0, extent.rows > 0 else { return }
        faults.attempt { () throws(CUDAError) in
            try operations.rows.addUpdates(updates, rows: extent.rows, liveRows: liveRows, to: product, on: stream)
        }
    }
}
