internal import CUDA
internal import CUDAKernels
internal import Core

extension CUDABackend {
    var liveRows: UInt64 { step.address(step.layout.counts) + UInt64(4 * StepLayout.Counts.rows) }
    var liveWanted: UInt64 { step.address(step.layout.counts) + UInt64(4 * StepLayout.Counts.wanted) }
    var liveSegments: UInt64 { step.address(step.layout.counts) + UInt64(4 * StepLayout.Counts.segments) }

    package mutating func embed(_ table: CUDAMatrix, into x: CUDARows) {
        planUpdates()
        faults.attempt { () throws(CUDAError) in
            try operations.rows.embed(
                table,
                tokens: step.address(step.layout.tokens),
                rows: extent.rows,
                liveRows: liveRows,
                into: x.address,
                on: stream
            )
            guard extent.hasAdapters, let slots else { return }
            let segments = step.layout.segments
            let parameters = EmbedLowRankParams(
                table: slots.table.address,
                segmentStart: step.address(segments.starts),
                segmentEnd: step.address(segments.ends),
                segmentSlot: step.address(segments.slots),
                segmentCount: liveSegments,
                tokens: step.address(step.layout.tokens),
                rowCount: liveRows,
                x: x.address,
                entriesPerAdapter: Int32(slots.entriesPerSlot),
                entry: Int32(slots.entriesPerSlot - 2),
                vocabularySize: Int32(shape.vocabularySize),
                unused: 0
            )
            try operations.rows.embedLowRank(parameters, rows: extent.rows, on: stream)
        }
    }

    package mutating func normalize(
        _ x: CUDARows,
        adding delta: CUDARows?,
        by norm: Norm<CUDAVector>,
        into y: CUDARows
    ) {
        undivided.overwrite(y.address)
        var parameters = AddNormalizeParams(x, delta, norm, rowCount: liveRows, into: y)
        if let delta { parameters.updates = takeUpdates(of: delta) }
        normalize(x, rows: extent.rows, parameters)
    }

    package mutating func normalizeWanted(
        _ x: CUDARows,
        adding delta: CUDARows?,
        by norm: Norm<CUDAVector>,
        into y: CUDARows
    ) {
        var parameters = AddNormalizeParams(x, delta, norm, rowCount: liveWanted, into: y)
        parameters.rows = step.address(step.layout.logitRows)
        if let delta { parameters.updates = takeUpdates(of: delta) }
        normalize(x, rows: extent.wanted, parameters)
    }

    /// The same, but that the sum of all ranks' `delta` is added; for as many rows as `RankSums.normalizes`.
    mutating func normalizeOverRanks(
        _ x: CUDARows,
        adding delta: CUDARows,
        by norm: Norm<CUDAVector>,
        into y: CUDARows
    ) {
        precondition(x.type == .float32 && delta.type == type, "words carry two elements of 16 bits")
        undivided.overwrite(y.address)
        var parameters = AddNormalizeParams(x, delta, norm, rowCount: liveRows, into: y)
        parameters.updates = takeUpdates(of: delta)
        faults.attempt { () throws(CUDAError) in
            try rankSums?.normalize(parameters, rows: extent.rows, on: stream)
        }
    }

    private mutating func normalize(_ x: CUDARows, rows: Int, _ parameters: AddNormalizeParams) {
        precondition(x.type == .float32, "only the residual stream is normalized")
        guard rows > 0 else { return }
        faults.attempt { () throws(CUDAError) in try operations.rows.addNormalize(parameters, rows: rows, on: stream) }
    }

    package mutating func normalizeHeads(_ x: CUDARows, column: Int, heads: Int, by norm: Norm<CUDAVector>) {
        settleUpdates(of: x)
        let parameters = NormalizeHeadsParams(
            x: x.address,
            weight: norm.weight.address,
            rowCount: liveRows,
            column: Int32(column),
            heads: Int32(heads),
            pitch: Int32(x.width),
            epsilon: norm.epsilon
        )
        faults.attempt { () throws(CUDAError) in
            try operations.rows.normalizeHeads(parameters, rows: extent.rows, on: stream)
        }
    }

    package mutating func gate(_ x: CUDARows, into y: CUDARows) {
        let updates = takeUpdates(of: x)
        faults.attempt { () throws(CUDAError) in
            try operations.rows.gate(
                x.address,
                adding: updates,
                rows: extent.rows,
                liveRows: liveRows,
                into: y,
                on: stream
            )
        }
    }

    mutating func addBias(_ bias: CUDAVector, rows: Int, to y: CUDARows) {
        faults.attempt { () throws(CUDAError) in
            try operations.rows.addBias(
                bias,
                rows: rows,
                liveRows: liveRows,
                to: y.address,
                width: y.width,
                on: stream
            )
        }
    }

    package mutating func sumOverRanks(_ y: CUDARows) {
        guard let rankSums else { return }
        settleUpdates(of: y)
        faults.attempt { () throws(CUDAError) in
            try rankSums.sum(y.address, count: extent.rows * y.width, of: y.type, on: stream)
        }
    }
}

extension AddNormalizeParams {
    fileprivate init(
        _ x: CUDARows,
        _ delta: CUDARows?,
        _ norm: Norm<CUDAVector>,
        rowCount: UInt64,
        into y: CUDARows
    ) {
        self.init(
            x: x.address,
            delta: delta?.address ?? 0,
            rows: 0,
            rowCount: rowCount,
            weight: norm.weight.address,
            y: y.address,
            updates: RowUpdates(),
            epsilon: norm.epsilon,
            pitch: Int32(y.pitch)
        )
    }
}
