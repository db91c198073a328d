internal import Adapters
internal import Backends
internal import Core
internal import Models
internal import Paging
internal import Scheduling

/// Adapters and keys share the device's blocks. What computes goes before what waits, and the head of the queue before
/// what waits behind it; so the oldest sequence always gets what it needs in the end.
extension Engine where Runner: ~Copyable {
    /// Evicts adapters until what runs and the head of the queue have their blocks, first the idle, then those that
    /// were brought for the newest of the waiting.
    mutating func makeRoom() {
        while scheduler.cache.availableBlockCount < scheduler.wantedBlockCount {
            guard adapters.evict(from: &scheduler.cache, on: &runner) || releaseNewestWaiting() else { return }
        }
    }

    /// Sees to the adapters of as many waiting sequences as there are places for.
    mutating func bringAdapters() {
        adapters.beginPass()
        defer { adapters.endPass() }
        let places = min(scheduler.waitingCount, configuration.maxSequences - scheduler.runningCount)
        var promised = scheduler.wantedBlockCount
        for position in 0..<max(0, places) {
            let index = scheduler.waitingSequence(at: position)
            guard let sequence = sequences[index.offset] else { preconditionFailure("no sequence \(index)") }
            let own = scheduler.startBlockCount(of: index)
            guard !scheduler[index].isReady, let lease = sequence.request.adapter else {
                // The head's are in `wantedBlockCount`.
                if position > 0 { promised += own }
                continue
            }
            let load = adapters.contains(lease.adapter.digest) ? 0 : sequence.footprint.blocks
            guard makeRoom(for: promised + own + load, position: position) else { return }
            var slot = adapters.hold(lease.adapter, sequence.footprint, in: &scheduler.cache, on: &runner)
            // Without a slot or a run of blocks not even the copy could begin.
            while position == 0, !adapters.contains(lease.adapter.digest), releaseNewestWaiting() {
                slot = adapters.hold(lease.adapter, sequence.footprint, in: &scheduler.cache, on: &runner)
            }
            promised += own
            guard let slot else { continue }
            sequence.slot = slot
            scheduler.markReady(index)
        }
    }

    private mutating func makeRoom(for blocks: Int, position: Int) -> Bool {
        while scheduler.cache.availableBlockCount < blocks {
            if adapters.evict(from: &scheduler.cache, on: &runner) { continue }
            guard position == 0, releaseNewestWaiting() else { return false }
        }
        return true
    }

    /// Takes the newest waiting sequence's adapter away from it, but never the head's.
    ///
    /// - Returns: false when there is none.
    private mutating func releaseNewestWaiting() -> Bool {
        for position in stride(from: scheduler.waitingCount - 1, to: 0, by: -1) {
            let index = scheduler.waitingSequence(at: position)
            guard let sequence = sequences[index.offset], sequence.slot != nil else { continue }
            release(sequence)
            scheduler.markUnready(index)
            return true
        }
        return false
    }

    /// Ends a sequence's hold on its adapter, if it has one.
    mutating func release(_ sequence: EngineSequence) {
        guard let lease = sequence.request.adapter, sequence.slot != nil else { return }
        adapters.release(lease.adapter.digest, on: &runner)
        sequence.slot = nil
    }
}
