import Core

extension AdapterLedger {
    /// Traps if the books do not balance; for tests and debug builds.
    func checkInvariants() {
        var resident = 0
        var reserved = 0
        var holds = 0
        for (digest, entry) in entries {
            let names = aliases.filter { $0.value.digest == digest }
            precondition(entry.names == Set(names.keys), "\(digest): \(entry.names) names, aliases \(names.keys)")
            let pins = names.values.count { $0.isPinned }
            precondition(entry.pins == pins, "\(digest): \(entry.pins) pins, but \(pins) pinned aliases")
            precondition(entry.holds >= 0, "\(digest): \(entry.holds) holds")
            precondition(!entry.names.isEmpty || entry.holds > 0, "\(digest): nobody needs it")
            precondition(entry.pins == 0 || entry.adapter != nil, "\(digest): pinned but not resident")
            precondition(!(entry.isLoading && entry.adapter != nil), "\(digest): loading though resident")
            precondition(!entry.isLoading || entry.holds > 0, "\(digest): loading for nobody")
            precondition(entry.waiting.isEmpty || entry.isLoading, "\(digest): waiting for no load")
            if let adapter = entry.adapter {
                precondition(adapter.digest == digest, "\(digest): holds \(adapter.digest)")
                precondition(adapter.byteCount == entry.byteCount, "\(digest): size has changed")
                resident += entry.byteCount
            }
            if entry.isLoading { reserved += entry.byteCount }
            holds += entry.holds
        }
        precondition(aliases.values.allSatisfy { entries[$0.digest] != nil }, "an alias leads nowhere")
        precondition(resident == counters.residentBytes, "\(resident) resident, \(counters.residentBytes) counted")
        precondition(reserved == counters.reservedBytes, "\(reserved) reserved, \(counters.reservedBytes) counted")
        precondition(holds == counters.leaseCount, "\(holds) holds, \(counters.leaseCount) counted")
        precondition(resident + reserved <= counters.budgetBytes, "\(resident) + \(reserved) exceed the budget")
    }
}
