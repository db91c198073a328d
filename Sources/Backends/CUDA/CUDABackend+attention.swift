internal import CUDA
internal import CUDAKernels
internal import Core

/// Rotation, append and attention.
extension CUDABackend {
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
}
