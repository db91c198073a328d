internal import CUDA
internal import CUDAKernels
internal import Core

/// The adapters on the device and the table through which kernels find their weights.
///
/// The table lies at one address for ever, so that a captured graph serves whatever mix of adapters comes later.
struct CUDAAdapterSlots {
    private struct Slot {
        let arrival: Arrival
        /// Whether the table's rows on the device name this adapter.
        var isListed = false
        let mostRank: Int
    }

    /// Rows of the table for one slot: projections of all layers, embedding, head.
    let entriesPerSlot: Int
    let blockBytes: Int
    /// `LowRankEntry [capacity, entriesPerSlot]`
    let table: DeviceBuffer
    private let hostTable: PinnedBuffer
    private let copier: AdapterCopier
    private var slots: [Slot?]

    init(context: Context, capacity: Int, entriesPerSlot: Int, blockBytes: Int, copier: AdapterCopier) throws(CUDAError)
    {
        let byteCount = capacity * entriesPerSlot * MemoryLayout<LowRankEntry>.stride
        self.entriesPerSlot = entriesPerSlot
        self.blockBytes = blockBytes
        self.copier = copier
        table = try DeviceBuffer(context, byteCount: byteCount)
        try table.fill(0)
        hostTable = try PinnedBuffer(context, byteCount: byteCount)
        slots = Array(repeating: nil, count: capacity)
    }

    /// Begins to copy an adapter into blocks at the given addresses.
    ///
    /// - Returns: nil when every slot is taken.
    mutating func install(_ adapter: AdapterWeights, at blocks: [UInt64]) -> AdapterSlot? {
        guard let free = slots.firstIndex(where: { $0 == nil }) else { return nil }
        let layout = AdapterLayout(adapter, blockBytes: blockBytes)
        precondition(layout.footprint.blocks == blocks.count, "\(blocks.count) of \(layout.footprint.blocks) blocks")
        for (number, (pair, entry)) in zip(adapter.pairs, layout.entries).enumerated() {
            rows(of: free)[number] = row(pair, entry, blocks)
        }
        let arrival = Arrival()
        let mostRank = adapter.pairs.reduce(1) { max($0, $1?.rank ?? 1) }
        slots[free] = Slot(arrival: arrival, mostRank: mostRank)
        copier.put(
            AdapterCopier.Job(
                adapter: adapter,
                layout: layout,
                blocks: blocks,
                blockBytes: blockBytes,
                arrival: arrival
            )
        )
        return AdapterSlot(Int32(free))
    }

    private func row(_ pair: Core.LowRankPair?, _ entry: AdapterLayout.Entry?, _ blocks: [UInt64]) -> LowRankEntry {
        guard let pair, let entry else { return LowRankEntry() }
        func address(_ offset: Int) -> UInt64 { blocks[offset / blockBytes] + UInt64(offset % blockBytes) }
        return LowRankEntry(
            a: address(entry.a),
            b: address(entry.b),
            columnScale: entry.columnScale.map(address) ?? 0,
            rank: Int32(pair.rank),
            scale: pair.scale
        )
    }

    /// Whether the adapter is on the device; lists it in the table when it has just arrived.
    mutating func hasLanded(_ slot: AdapterSlot, on stream: Stream) throws(CUDAError) -> Bool {
        let number = Int(slot.rawValue)
        guard let entry = slots[number] else { preconditionFailure("slot \(slot) is empty") }
        guard let outcome = entry.arrival.value else { return false }
        if let error = outcome { throw error }
        guard !entry.isListed else { return true }
        let source = UnsafeRawBufferPointer(UnsafeBufferPointer(rows(of: number)))
        let offset = number * source.count
        try stream.copy(source, to: table.address + UInt64(offset))
        slots[number]?.isListed = true
        return true
    }

    /// The largest rank of an installed adapter.
    func mostRank(of slot: AdapterSlot) -> Int { slots[Int(slot.rawValue)]?.mostRank ?? 1 }

    mutating func remove(_ slot: AdapterSlot) {
        precondition(slots[Int(slot.rawValue)] != nil, "slot \(slot) is empty already")
        slots[Int(slot.rawValue)] = nil
    }

    private func rows(of slot: Int) -> UnsafeMutableBufferPointer<LowRankEntry> {
        let all = hostTable.bytes.bindMemory(to: LowRankEntry.self)
        return UnsafeMutableBufferPointer(rebasing: all[slot * entriesPerSlot..<(slot + 1) * entriesPerSlot])
    }
}
