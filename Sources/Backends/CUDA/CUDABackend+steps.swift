internal import CUDA
internal import Core

extension CUDABackend {
    package var runsAhead: Bool { rankSums?.sharesTokens ?? true }

    package mutating func forward(
        _ batch: borrowing Batch,
        choosing requests: borrowing [SamplingRequest],
        _ pass: (inout CUDABackend) -> CUDARows
    ) -> CUDARows {
        guard let bucket = begin(batch, choosing: requests) else { return pass(&self) }
        if graphs.recording(bucket, extent.updates) == nil { record(bucket, pass) }
        guard let (graph, result) = graphs.recording(bucket, extent.updates) else {
            let width = shape.vocabularySize
            return CUDARows(address: 0, count: 0, width: width, pitch: width, type: .float32)
        }
        faults.attempt { () throws(CUDAError) in try graph.launch(on: stream) }
        return result
    }

    /// Takes a step's inputs; operations issued from now on cover its rows.
    ///
    /// - Returns: the bucket of the recorded pass that computes the step; nil where none does.
    mutating func begin(_ batch: borrowing Batch, choosing requests: borrowing [SamplingRequest] = []) -> Int? {
        let bucket = batch.isDecode && settings.usesGraphs ? graphs.bucket(for: batch.tokenCount) : nil
        undivided = UndividedRows()
        pendingUpdates = PendingUpdates()
        let rows = bucket.map { graphs.sizes[$0] } ?? batch.tokenCount
        extent = StepExtent(
            rows: rows,
            wanted: bucket.map { graphs.sizes[$0] } ?? batch.logitRows.count,
            updates: updates(of: batch, rows: rows),
            isDecode: batch.isDecode,
            mostRank: bucket == nil ? mostRank(of: batch) : LowRankGeometry.mostRank
        )
        if !batch.isDecode {
            useColumns(batch)
            let attention = operations.tileAttention
            extent.sort(batch, room: limits.sequences) { attention.tiles(rows: $0) }
        }
        step.load(batch, rows: extent.rows, columns: extent.columns)
        let stream = stream
        faults.attempt { () throws(CUDAError) in
            let inputs = try operations.sampler.load(requests, on: stream)
            let tokens = try rankSums?.awaitTokens(of: step.number &- 1, on: stream) ?? operations.sampler.tokens
            try step.upload(beside: inputs, awaited: tokens, on: stream)
        }
        return bucket
    }

    package mutating func prepare(_ pass: (inout CUDABackend) -> CUDARows) {
        tuneProducts()
        guard settings.usesGraphs else { return }
        for bucket in graphs.sizes.indices {
            let rows = graphs.sizes[bucket]
            for updates in StepUpdates.allCases where canUpdate(updates, rows: rows) {
                extent = StepExtent(rows: rows, wanted: rows, updates: updates, isDecode: true)
                record(bucket, pass)
            }
        }
    }

    /// Whether steps of so many rows can get their updates so.
    private func canUpdate(_ way: StepUpdates, rows: Int) -> Bool {
        switch way {
        case .none, .after: true
        case .along: rows <= StreamedProducts.mostRows && operations.streamed.servesUpdates
        case .beside: operations.lowRank.isPlanned
        }
    }

    private func updates(of batch: borrowing Batch, rows: Int) -> StepUpdates {
        if batch.segments.isEmpty { return .none }
        guard let slots else { return .after }
        var (ranks, scales) = (0, false)
        for index in batch.segments.indices {
            let segment = batch.segments[index]
            let traits = slots.traits(of: segment.slot)
            ranks += Int(segment.end - segment.start) * traits.mostRank
            scales = scales || traits.scalesColumns
        }
        return StepUpdates(ranks: ranks, scalesColumns: scales) { canUpdate($0, rows: rows) }
    }

    /// Lets long segments' updates be columns of their products, where there is room.
    private mutating func useColumns(_ batch: borrowing Batch) {
        guard extent.updates == .beside || extent.updates == .after, servesColumns, operations.lowRank.isPlanned,
            let slots
        else { return }
        extent.columns = LowRankColumns(batch.segments) { slot in
            let traits = slots.traits(of: slot)
            return traits.scalesColumns ? nil : traits.mostRank
        }
    }

    private func mostRank(of batch: borrowing Batch) -> Int {
        var most = 1
        for index in batch.segments.indices {
            most = max(most, slots?.traits(of: batch.segments[index].slot).mostRank ?? 1)
        }
        return most
    }

    /// Records the forward pass of the present extent.
    private mutating func record(_ bucket: Int, _ pass: (inout CUDABackend) -> CUDARows) {
        let (stream, faults) = (stream, faults)
        undivided = UndividedRows()
        pendingUpdates = PendingUpdates()
        faults.attempt { () throws(CUDAError) in
            var result: CUDARows?
            let graph = try Graph.capture(on: stream) { () throws(CUDAError) in
                result = pass(&self)
                if let fault = faults.first { throw fault }
            }
            try graph.upload(on: stream)
            if let result { graphs.record(graph, result, bucket, extent.updates) }
        }
    }
}
