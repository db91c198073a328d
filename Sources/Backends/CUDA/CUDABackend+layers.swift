internal import CUDA
internal import CUDAKernels
internal import Core
package import Sampling

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

    /// Rotation and append alone, for measuring.
    package mutating func rotateAndAppend(_ qkv: CUDARows, layer: Int, shape: AttentionShape) {
        rotateAndAppend(qkv, layer: layer, to: step.layout.kvPositions, adding: RowUpdates())
    }

    /// - Parameter positions: where each row's key and value go; rows that have none there are passed over.
    private mutating func rotateAndAppend(
        _ qkv: CUDARows,
        layer: Int,
        to positions: StepLayout.Region,
        adding updates: RowUpdates
    ) {
        faults.attempt { () throws(CUDAError) in
            guard let rotary, let cache else { preconditionFailure("attention before tables and cache are made") }
            let parameters = RotateAppendParams(
                qkv: qkv.address,
                updates: updates,
                cosines: rotary.cosines.address,
                sines: rotary.sines.address,
                positions: step.address(step.layout.positions),
                kvPositions: step.address(positions),
                rowCount: liveRows,
                cache: cache.address + UInt64(layer * cache.layerBytes),
                blockStride: Int64(CUDACache.blockBytes(cache.shape)),
                pitch: Int32(qkv.width),
                unused: 0
            )
            try operations.rows.rotateAndAppend(parameters, rows: extent.rows, on: stream)
        }
    }

    package mutating func appendAndAttend(_ qkv: CUDARows, layer: Int, shape: AttentionShape, into output: CUDARows) {
        let updates = takeUpdates(of: qkv)
        guard extent.tiles > 0 else {
            return attendRows(qkv, layer: layer, shape: shape, followsRows: true, adding: updates, into: output)
        }
        rotateAndAppend(qkv, layer: layer, to: step.layout.tileKVPositions, adding: updates)
        attendTiles(qkv, layer: layer, shape: shape, into: output)
        guard extent.singleRows > 0 else { return }
        // Beside the tiles, which have waited for the rows. Tiles are bound by latency and rows by the memory; before
        // the tiles, rows would leave them no room.
        attendRows(qkv, layer: layer, shape: shape, followsRows: false, adding: updates, into: output)
    }

    /// Attention of sequences with several rows, when they have been rotated and appended.
    private mutating func attendTiles(_ qkv: CUDARows, layer: Int, shape: AttentionShape, into output: CUDARows) {
        faults.attempt { () throws(CUDAError) in
            guard let cache else { preconditionFailure("attention before the cache is made") }
            var parameters = TileAttentionParams()
            parameters.qkv = qkv.address
            parameters.cache = cache.address + UInt64(layer * cache.layerBytes)
            parameters.sequenceStarts = step.address(step.layout.sequenceStarts)
            parameters.contextLengths = step.address(step.layout.contextLengths)
            parameters.pageStarts = step.address(step.layout.pageStarts)
            parameters.pageIndices = step.address(step.layout.pageIndices)
            parameters.sequenceCount = step.address(step.layout.counts) + UInt64(4 * StepLayout.Counts.sequences)
            parameters.output = output.address
            parameters.blockStride = Int64(CUDACache.blockBytes(cache.shape))
            parameters.pitch = Int32(qkv.width)
            parameters.window = Int32(shape.window ?? 0)
            parameters.outputPitch = Int32(output.pitch)
            try operations.tileAttention.run(parameters, tiles: extent.tiles, on: stream)
        }
    }

    /// Rotation, append and attention of a decode step's rows, or of another step's sequences of one row.
    ///
    /// - Parameter followsRows: whether the launch before makes the rows, and has not only waited for them as well.
    private mutating func attendRows(
        _ qkv: CUDARows,
        layer: Int,
        shape: AttentionShape,
        followsRows: Bool,
        adding updates: RowUpdates,
        into output: CUDARows
    ) {
        faults.attempt { () throws(CUDAError) in
            guard let rotary, let cache else { preconditionFailure("attention before tables and cache are made") }
            var parameters = RowAttentionParams()
            parameters.qkv = qkv.address
            parameters.updates = updates
            parameters.cache = cache.address + UInt64(layer * cache.layerBytes)
            parameters.cosines = rotary.cosines.address
            parameters.sines = rotary.sines.address
            parameters.rows = extent.isDecode ? 0 : step.address(step.layout.singleRows)
            parameters.rowPages = step.address(step.layout.rowPages)
            parameters.positions = step.address(step.layout.positions)
            parameters.kvPositions = step.address(step.layout.kvPositions)
            parameters.pageIndices = step.address(step.layout.pageIndices)
            parameters.rowCount = liveRows
            parameters.output = output.address
            parameters.blockStride = Int64(CUDACache.blockBytes(cache.shape))
            parameters.pitch = Int32(qkv.width)
            parameters.window = Int32(shape.window ?? 0)
            parameters.followsRows = followsRows ? 1 : 0
            parameters.outputPitch = Int32(output.pitch)
            let rows = extent.isDecode ? extent.rows : extent.singleRows
            try operations.rowAttention.run(parameters, rows: rows, on: stream)
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

    package mutating func checkHealth() throws(BackendError) {
        faults.attempt { () throws(CUDAError) in
            try rankSums?.checkHealth()
            // Answers with what has failed on the GPU since it was issued.
            _ = try stream.isIdle()
        }
        if let fault = faults.first { throw BackendError(fault.description) }
    }

    package mutating func finish() throws(BackendError) {
        faults.attempt { () throws(CUDAError) in try stream.synchronize() }
        try checkHealth()
    }

    package mutating func sample(_ logits: CUDARows, _ requests: borrowing [SamplingRequest]) {
        let count = requests.count
        faults.attempt { () throws(CUDAError) in
            try operations.sampler.sample(logits: logits.address, width: logits.width, count: count, on: stream)
            try rankSums?.noteTokens(of: step.number, on: stream)
        }
    }

    package mutating func hasSampled() throws(BackendError) -> Bool {
        var hasSampled = false
        faults.attempt { () throws(CUDAError) in hasSampled = try operations.sampler.isDone() }
        if let fault = faults.first { throw BackendError(fault.description) }
        return hasSampled
    }

    package mutating func takeSamples(into outputs: inout [SampledToken?]) throws(BackendError) {
        faults.attempt { () throws(CUDAError) in try operations.sampler.take(into: &outputs) }
        if let fault = faults.first { throw BackendError(fault.description) }
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
