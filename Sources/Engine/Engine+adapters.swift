internal import Adapters
internal import Backends
internal import Core
internal import Models
internal import Paging
internal import Scheduling

/// Adapters and keys share the device's blocks. What computes goes before what waits, and the head of the queue before
/// what waits behind it. Adapters are brought for as many sequences, in the order of the queue, as could start together
/// in what is free or idle; so none makes room for another that could not use it, and each that was brought is used.
extension Engine where Runner: ~Copyable {
    /// Makes room for what runs and for the head of the queue, and brings adapters for what waits.
    mutating func placeAdapters() throws(BackendError) {
        let places = max(0, min(scheduler.waitingCount, configuration.maxSequences - scheduler.runningCount))
        // Nobody to place, and a block for each that runs, which is the most that a step can need.
        if places == 0, scheduler.cache.availableBlockCount >= scheduler.runningCount { return }
        rankAdapters(ofFirst: places)
        let growth = scheduler.growthBlockCount
        while scheduler.cache.availableBlockCount < growth {
            if try adapters.evict(from: &scheduler.cache, on: &runner) { continue }
            // A step under way may give back what is missing.
            guard flights.isEmpty, releaseNewestWaiting() else { break }
        }
        adapters.beginPass()
        defer { adapters.endPass() }
        try bringAdapters(ofFirst: places, beside: growth + scheduler.spareBlockCount)
    }

    /// Touches the adapters that the next sequences wait for, the head's last, so that the one unused longest is one
    /// that nobody waits for, or else the one that is wanted last.
    private mutating func rankAdapters(ofFirst places: Int) {
        for position in stride(from: places - 1, through: 0, by: -1) {
            let index = scheduler.waitingSequence(at: position)
            guard !scheduler[index].isReady, let digest = sequences[index.offset]?.digest else { continue }
            adapters.touch(digest)
        }
    }

    /// - Parameter running: blocks to leave to what runs.
    private mutating func bringAdapters(ofFirst places: Int, beside running: Int) throws(BackendError) {
        var promised = running
        var hasRoom = true
        for position in 0..<places {
            let index = scheduler.waitingSequence(at: position)
            promised += scheduler.startBlockCount(of: index)
            if scheduler[index].isReady {
                // It starts by itself; but room is made for the head alone.
                if position == 0 { hasRoom = try makeRoom(for: promised, position: 0) }
            } else if hasRoom {
                hasRoom = try bring(index, at: position, promised: promised)
            } else {
                scheduler.markAbsent(index)
            }
        }
    }

    /// Sends for the adapter of a waiting sequence, or takes hold of it when it has landed.
    ///
    /// - Parameter promised: blocks of all up to this sequence, its own included, its adapter's not.
    /// - Returns: false without room for both.
    private mutating func bring(
        _ index: SequenceIndex,
        at position: Int,
        promised: Int
    ) throws(BackendError) -> Bool {
        guard let sequence = sequences[index.offset], let lease = sequence.lease else {
            preconditionFailure("sequence \(index) waits for no adapter")
        }
        let digest = lease.adapter.digest
        adapters.touch(digest)
        scheduler.markAbsent(index)
        let load = adapters.contains(digest) ? 0 : sequence.footprint.blocks
        let hasRoom = try makeRoom(for: promised + load, position: position)
        // A head whose adapter takes nothing tries to start all the same: a shared prefix may save it blocks.
        guard hasRoom || (position == 0 && load == 0) else { return false }
        var slot = try adapters.hold(lease.adapter, sequence.footprint, in: &scheduler.cache, on: &runner)
        // Without a slot or a run of blocks not even the copy could begin.
        while position == 0, !adapters.contains(digest), releaseNewestWaiting() {
            slot = try adapters.hold(lease.adapter, sequence.footprint, in: &scheduler.cache, on: &runner)
        }
        guard adapters.contains(digest) else { return false }
        if let slot {
            sequence.slot = slot
            scheduler.markReady(index)
        } else {
            scheduler.markComing(index)
        }
        return hasRoom
    }

    /// Evicts idle adapters and, for the head of the queue, takes their adapters from those that wait behind it; but
    /// nothing if all of it were not enough.
    private mutating func makeRoom(for blocks: Int, position: Int) throws(BackendError) -> Bool {
        let missing = blocks - scheduler.cache.availableBlockCount
        guard missing > 0 else { return true }
        var found = try adapters.evictableBlockCount(on: &runner)
        if found < missing, position == 0 { found += adapters.blockCount(heldOnlyBy: holdsBehindHead()) }
        guard found >= missing else { return false }
        while scheduler.cache.availableBlockCount < blocks {
            if try adapters.evict(from: &scheduler.cache, on: &runner) { continue }
            guard position == 0, releaseNewestWaiting() else { return false }
        }
        return true
    }

    /// How many of those that wait behind the head of the queue hold each adapter.
    private func holdsBehindHead() -> [AdapterDigest: Int] {
        var holds: [AdapterDigest: Int] = [:]
        for position in stride(from: 1, to: scheduler.waitingCount, by: 1) {
            let index = scheduler.waitingSequence(at: position)
            guard let sequence = sequences[index.offset], sequence.slot != nil,
                let digest = sequence.digest
            else { continue }
            holds[digest, default: 0] += 1
        }
        return holds
    }

    /// Takes the newest waiting sequence's adapter away from it, but never the head's.
    ///
    /// - Returns: false when there is none.
    private mutating func releaseNewestWaiting() -> Bool {
        for position in stride(from: scheduler.waitingCount - 1, to: 0, by: -1) {
            let index = scheduler.waitingSequence(at: position)
            guard let sequence = sequences[index.offset], sequence.slot != nil else { continue }
            release(sequence, wasUsed: false)
            scheduler.markAbsent(index)
            return true
        }
        return false
    }

    /// Ends a sequence's hold on its adapter, if it has one.
    ///
    /// - Parameter wasUsed: false if it is given up unused, to be evicted before any other.
    mutating func release(_ sequence: EngineSequence, wasUsed: Bool = true) {
        guard let digest = sequence.digest, sequence.slot != nil else { return }
        adapters.release(digest, wasUsed: wasUsed, on: &runner)
        sequence.slot = nil
    }
}
