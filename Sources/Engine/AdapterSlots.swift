internal import Adapters
internal import Core
internal import Models

/// Which adapters are on the device, and how many sequences hold each.
///
/// Looked into when a sequence starts or ends, never in between.
struct AdapterSlots {
    private struct Entry {
        let slot: AdapterSlot
        var holds: Int
    }

    private var entries: [AdapterDigest: Entry] = [:]

    var count: Int { entries.count }

    /// Adds a hold on an adapter, installing it if it is not there; nil while it is on its way.
    mutating func hold<Runner: ModelRunner & ~Copyable>(
        _ adapter: LoadedAdapter,
        on runner: inout Runner
    ) -> AdapterSlot? {
        if let entry = entries[adapter.digest] {
            entries[adapter.digest]?.holds += 1
            return entry.slot
        }
        guard let slot = runner.install(adapter) else { return nil }
        entries[adapter.digest] = Entry(slot: slot, holds: 1)
        return slot
    }

    /// Gives a hold back.
    ///
    /// - Returns: the slot if nobody holds it any more; it is then no longer known here.
    mutating func release(_ digest: AdapterDigest) -> AdapterSlot? {
        guard let entry = entries[digest] else { preconditionFailure("adapter \(digest.short) is held by nobody") }
        guard entry.holds == 1 else {
            entries[digest]?.holds -= 1
            return nil
        }
        entries[digest] = nil
        return entry.slot
    }
}
