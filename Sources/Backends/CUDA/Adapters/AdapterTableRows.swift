internal import CUDA
internal import CUDAKernels
internal import Core

/// The device's table of adapters as the host writes it: the rows of a slot are copied over when its adapter has landed.
///
/// Jobs of the copier keep it alive, so that one still under way at the end finds its rows.
final class AdapterTableRows: @unchecked Sendable {
    /// Of the KV cache.
    let blockBytes: Int
    /// Projections of all layers, embedding, head.
    let entriesPerSlot: Int
    // Sound: only the copier's thread writes, job after job in the order of `install`, and tells a job's arrival after its
    // rows, under the arrival's mutex. The engine's thread has a slot's rows copied only after the arrival of the adapter
    // that holds the slot; earlier holders' jobs were over before that one's began, and a later one begins only after
    // `remove`. So an adapter removed while on its way, which the engine never does, since it evicts only what has landed,
    // still cannot leave its rows to the slot's next holder. A copy to the device that `remove` and a new holder overtake
    // may mix the rows of both; no step names the slot before the new holder lands and its rows follow on the same stream.
    /// `LowRankEntry [capacity, entriesPerSlot]`
    private let memory: PinnedBuffer

    init(_ context: Context, capacity: Int, entriesPerSlot: Int, blockBytes: Int) throws(CUDAError) {
        self.blockBytes = blockBytes
        self.entriesPerSlot = entriesPerSlot
        memory = try PinnedBuffer(context, byteCount: capacity * entriesPerSlot * MemoryLayout<LowRankEntry>.stride)
    }

    var byteCount: Int { memory.bytes.count }

    /// Bytes of a slot's rows, from the table's start.
    func range(of slot: Int) -> Range<Int> {
        let length = entriesPerSlot * MemoryLayout<LowRankEntry>.stride
        return slot * length..<(slot + 1) * length
    }

    func bytes(of slot: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: memory.bytes[range(of: slot)])
    }

    /// Lets a slot's rows name an adapter's matrices.
    func write(_ adapter: AdapterWeights, _ layout: AdapterLayout, at blocks: [UInt64], slot: Int) {
        precondition(adapter.rowCount == entriesPerSlot, "\(adapter.rowCount) of \(entriesPerSlot) rows")
        let rows = UnsafeMutableRawBufferPointer(rebasing: memory.bytes[range(of: slot)])
            .bindMemory(to: LowRankEntry.self)
        for row in rows.indices { rows[row] = layout.tableRow(row, of: adapter, at: blocks, blockBytes: blockBytes) }
    }
}

extension AdapterLayout {
    /// A row of the device's table, all zero where the adapter changes nothing.
    ///
    /// - Parameter blocks: where each block of the image lies on the device.
    func tableRow(_ row: Int, of adapter: AdapterWeights, at blocks: [UInt64], blockBytes: Int) -> LowRankEntry {
        guard let pair = adapter.pair(row: row), let entry = entries[row] else { return LowRankEntry() }
        func address(_ offset: Int) -> UInt64 { blocks[offset / blockBytes] + UInt64(offset % blockBytes) }
        return LowRankEntry(
            a: address(entry.a),
            b: address(entry.b),
            columnScale: entry.columnScale.map(address) ?? 0,
            rank: Int32(pair.rank),
            scale: pair.scale
        )
    }
}
