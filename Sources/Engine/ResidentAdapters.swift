internal import Adapters
internal import Backends
internal import Core
internal import Models
internal import Paging

/// Which adapters are on the device, in which blocks, and how many sequences hold each.
///
/// An adapter's life:
///
///     absent ──▶ loading ──▶ held ◀──▶ idle ──▶ absent
///
/// An idle adapter keeps its blocks until something better needs them; the one unused longest goes first.
/// Looked into when a sequence starts or ends, never in between.
struct ResidentAdapters {
    private struct Entry {
        let slot: AdapterSlot
        let blocks: [BlockID]
        var holds = 0
        var isLoading = true
        /// Grows with each use; the smallest idle one is evicted.
        var lastUse: Int
    }

    private var entries: [AdapterDigest: Entry] = [:]
    private var uses = 0
    /// `uses` when the pass over the queue began; what was used since then stays.
    private var passStart = Int.max

    var count: Int { entries.count }
    /// Blocks that adapters occupy, held or idle.
    var blocks: [BlockID] { entries.values.flatMap(\.blocks) }
    var blockCount: Int { entries.values.reduce(0) { $0 + $1.blocks.count } }
    /// Adapters brought to the device so far, and taken off it for room.
    private(set) var loadCount = 0
    private(set) var evictionCount = 0
    var heldCount: Int { entries.values.count { $0.holds > 0 } }

    /// Begins a pass over the queue, during which no adapter is evicted that the pass has already asked for: what one
    /// sequence needs would else make room for another behind it.
    mutating func beginPass() { passStart = uses }

    /// Ends the pass; everything idle may be evicted again.
    mutating func endPass() { passStart = .max }

    /// Counts a use of an adapter, if it is on the device.
    mutating func touch(_ digest: AdapterDigest) {
        uses += 1
        entries[digest]?.lastUse = uses
    }

    /// Adds a hold on an adapter, bringing it to the device if it is not there.
    ///
    /// - Returns: its slot; nil while it is on its way or no room can be made: ask again at the next step.
    /// - Throws: what kept it from arriving, and leaves the device unusable.
    mutating func hold<Runner: ModelRunner & ~Copyable>(
        _ adapter: LoadedAdapter,
        _ footprint: AdapterFootprint,
        in cache: inout KVCache,
        on runner: inout Runner
    ) throws(BackendError) -> AdapterSlot? {
        uses += 1
        if entries[adapter.digest] == nil { try load(adapter, footprint, in: &cache, on: &runner) }
        guard var entry = entries[adapter.digest] else { return nil }
        entry.lastUse = uses
        if entry.isLoading { entry.isLoading = try !runner.hasLanded(entry.slot) }
        if !entry.isLoading { entry.holds += 1 }
        entries[adapter.digest] = entry
        return entry.isLoading ? nil : entry.slot
    }

    /// What makes room is the caller's to decide; here only a slot or a run of blocks may cost idle ones
    /// their place.
    private mutating func load<Runner: ModelRunner & ~Copyable>(
        _ adapter: LoadedAdapter,
        _ footprint: AdapterFootprint,
        in cache: inout KVCache,
        on runner: inout Runner
    ) throws(BackendError) {
        var blocks = cache.takeBlocks(footprint.blocks, contiguous: footprint.mustBeContiguous)
        while blocks == nil, footprint.mustBeContiguous, try evict(from: &cache, on: &runner) {
            blocks = cache.takeBlocks(footprint.blocks, contiguous: true)
        }
        guard let blocks else { return }
        var slot = runner.install(adapter, in: blocks)
        do throws(BackendError) {
            while slot == nil, try evict(from: &cache, on: &runner) { slot = runner.install(adapter, in: blocks) }
        } catch {
            cache.returnBlocks(blocks)
            throw error
        }
        guard let slot else { return cache.returnBlocks(blocks) }
        loadCount += 1
        entries[adapter.digest] = Entry(slot: slot, blocks: blocks, lastUse: uses)
    }

    /// Gives a hold back; without holds the adapter is idle, or gone if the device has no memory of its own for it.
    ///
    /// - Parameter wasUsed: whether that was a use of it.
    mutating func release<Runner: ModelRunner & ~Copyable>(
        _ digest: AdapterDigest,
        wasUsed: Bool,
        on runner: inout Runner
    ) {
        guard var entry = entries[digest], entry.holds > 0 else {
            preconditionFailure("adapter \(digest.short) is held by nobody")
        }
        entry.holds -= 1
        if wasUsed {
            uses += 1
            entry.lastUse = uses
        }
        entries[digest] = entry
        // It would keep the host's copy alive beyond the host's own budget.
        guard entry.holds == 0, entry.blocks.isEmpty else { return }
        runner.remove(entry.slot)
        entries[digest] = nil
    }

    /// Whether an adapter has its blocks, loading or there.
    func contains(_ digest: AdapterDigest) -> Bool { entries[digest] != nil }

    /// Blocks of the adapters that `evict` could take off the device.
    func evictableBlockCount<Runner: ModelRunner & ~Copyable>(on runner: inout Runner) throws(BackendError) -> Int {
        var count = 0
        for entry in entries.values {
            if try isEvictable(entry, on: &runner) { count += entry.blocks.count }
        }
        return count
    }

    /// Blocks of the adapters that have no other holds than these.
    func blockCount(heldOnlyBy holds: [AdapterDigest: Int]) -> Int {
        var count = 0
        for (digest, number) in holds {
            guard let entry = entries[digest], entry.holds == number else { continue }
            count += entry.blocks.count
        }
        return count
    }

    /// Takes the adapter off the device that nobody has used for longest.
    ///
    /// - Returns: false when none is idle.
    mutating func evict<Runner: ModelRunner & ~Copyable>(
        from cache: inout KVCache,
        on runner: inout Runner
    ) throws(BackendError) -> Bool {
        var oldest: (digest: AdapterDigest, entry: Entry)?
        for (digest, entry) in entries {
            if let oldest, oldest.entry.lastUse < entry.lastUse { continue }
            if try isEvictable(entry, on: &runner) { oldest = (digest, entry) }
        }
        guard let (digest, entry) = oldest else { return false }
        runner.remove(entry.slot)
        cache.returnBlocks(entry.blocks)
        evictionCount += 1
        entries[digest] = nil
        return true
    }

    private func isEvictable<Runner: ModelRunner & ~Copyable>(
        _ entry: Entry,
        on runner: inout Runner
    ) throws(BackendError) -> Bool {
        guard entry.holds == 0, entry.lastUse <= passStart else { return false }
        guard entry.isLoading else { return true }
        return try runner.hasLanded(entry.slot)
    }

    /// Asserts that blocks belong to one adapter each.
    func checkInvariants() {
        let blocks = blocks
        precondition(Set(blocks).count == blocks.count, "a block holds two adapters")
        precondition(Set(entries.values.map(\.slot)).count == entries.count, "a slot holds two adapters")
        for (digest, entry) in entries {
            precondition(entry.holds >= 0 && (entry.holds == 0 || !entry.isLoading), "\(digest.short): \(entry.holds)")
        }
    }
}
