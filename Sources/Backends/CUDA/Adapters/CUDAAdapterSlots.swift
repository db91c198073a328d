internal import CUDA
internal import Core

/// The adapters on the device and the table through which kernels find their weights.
///
/// The table lies at one address for ever, so that a captured graph serves whatever mix of adapters comes later.
struct CUDAAdapterSlots {
    private struct Slot {
        let arrival: Arrival
        /// Once the table's rows on the device name the adapter; no step needs them before.
        var traits: AdapterTraits?
    }

    /// `LowRankEntry [capacity, entriesPerSlot]`
    let table: DeviceBuffer
    private let rows: AdapterTableRows
    private let copier: AdapterCopier
    private var slots: [Slot?]

    init(context: Context, capacity: Int, entriesPerSlot: Int, blockBytes: Int, copier: AdapterCopier) throws(CUDAError)
    {
        rows = try AdapterTableRows(context, capacity: capacity, entriesPerSlot: entriesPerSlot, blockBytes: blockBytes)
        table = try DeviceBuffer(context, byteCount: rows.byteCount)
        try table.fill(0)
        self.copier = copier
        slots = Array(repeating: nil, count: capacity)
    }

    /// Begins to copy an adapter into blocks at the given addresses.
    ///
    /// The engine's thread comes here between two steps: all work on the adapter itself is the copier's.
    ///
    /// - Returns: nil when every slot is taken.
    mutating func install(_ adapter: AdapterWeights, at blocks: [UInt64]) -> AdapterSlot? {
        guard let free = slots.firstIndex(where: { $0 == nil }) else { return nil }
        let arrival = Arrival()
        slots[free] = Slot(arrival: arrival)
        copier.put(AdapterCopier.Job(adapter: adapter, blocks: blocks, slot: free, rows: rows, arrival: arrival))
        return AdapterSlot(Int32(free))
    }

    /// Whether the adapter is on the device; lists it in the table when it has just arrived.
    mutating func hasLanded(_ slot: AdapterSlot, on stream: Stream) throws(CUDAError) -> Bool {
        let number = Int(slot.rawValue)
        guard let entry = slots[number] else { preconditionFailure("slot \(slot) is empty") }
        if entry.traits != nil { return true }
        guard let outcome = entry.arrival.outcome else { return false }
        let traits = try outcome.get()
        try stream.copy(rows.bytes(of: number), to: table.address + UInt64(rows.range(of: number).lowerBound))
        slots[number]?.traits = traits
        return true
    }

    /// Of an adapter that has landed.
    func traits(of slot: AdapterSlot) -> AdapterTraits {
        guard let traits = slots[Int(slot.rawValue)]?.traits else {
            preconditionFailure("the adapter of slot \(slot) has not landed")
        }
        return traits
    }

    /// Rows of the table for one slot.
    var entriesPerSlot: Int { rows.entriesPerSlot }

    mutating func remove(_ slot: AdapterSlot) {
        precondition(slots[Int(slot.rawValue)] != nil, "slot \(slot) is empty already")
        slots[Int(slot.rawValue)] = nil
    }
}
