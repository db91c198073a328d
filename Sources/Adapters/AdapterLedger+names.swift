import Core

extension AdapterLedger {
    /// Whether `register` may take a name now.
    func checkName(_ name: String, _ replacement: AdapterReplacement) throws(AdapterError) {
        let current = aliases[name]?.digest
        switch replacement {
        case .always: return
        case .ifAbsent:
            if let current { throw .nameTaken(name: name, digest: current) }
        case .expecting(let expected):
            guard current == expected else { throw .conflict(name: name, expected: expected, found: current) }
        }
    }

    /// Makes a name an alias of a freshly loaded adapter, in one step: whoever leases before gets the old content,
    /// whoever leases after the new.
    ///
    /// Keeps the adapter resident if there is room. If there is none now, an adapter that is not pinned is registered
    /// all the same and read when it is leased; one larger than the whole budget is refused.
    mutating func register(
        name: String,
        alias: Alias,
        adapter: LoadedAdapter,
        replacing: AdapterReplacement,
        duration: Duration
    ) throws(AdapterError) -> [Waiter] {
        try checkName(name, replacing)
        let previous = aliases[name]
        // The old content must not stand in the way of the new one just because this name pinned it.
        if previous?.isPinned == true { setPinned(name, false) }
        do throws(AdapterError) {
            try admit(adapter, isRequired: alias.isPinned)
        } catch {
            if previous?.isPinned == true { setPinned(name, true) }
            throw error
        }
        let digest = adapter.digest
        if let previous, previous.digest != digest { removeName(name) }
        update(digest) { _ = $0.names.insert(name) }
        aliases[name] = alias
        if alias.isPinned { update(digest) { $0.pins += 1 } }
        countLoad(digest, duration: duration)
        countUse(digest)
        return settleWaiters(digest, with: adapter)
    }

    private mutating func admit(_ adapter: LoadedAdapter, isRequired: Bool) throws(AdapterError) {
        let isKnown = entries[adapter.digest] != nil
        guard entries[adapter.digest]?.adapter == nil else { return }
        if entries[adapter.digest]?.isLoading == true {
            // A load of the same content is under way; what it reserved serves this copy.
            cancelReservation(adapter.digest)
            return fill(adapter)
        }
        var hasRoom = true
        do throws(AdapterError) {
            try makeRoom(adapter.byteCount)
        } catch {
            guard !isRequired, adapter.byteCount <= counters.budgetBytes else { throw error }
            hasRoom = false
        }
        if !isKnown { entries[adapter.digest] = Entry(summary: adapter.summary, byteCount: adapter.byteCount) }
        if hasRoom { fill(adapter) }
    }

    private mutating func settleWaiters(_ digest: AdapterDigest, with adapter: LoadedAdapter) -> [Waiter] {
        update(digest) { entry in
            guard entry.adapter != nil else { return [] }
            defer { entry.waiting = [] }
            return entry.waiting
        }
    }

    /// Removes a name at once; its content's bytes go with the last lease, unless another name has it.
    mutating func unregister(_ name: String) throws(AdapterError) {
        guard aliases[name] != nil else { throw .unknownAdapter(name: name) }
        removeName(name)
    }

    private mutating func removeName(_ name: String) {
        setPinned(name, false)
        guard let alias = aliases.removeValue(forKey: name) else { return }
        update(alias.digest) { _ = $0.names.remove(name) }
        collect(alias.digest)
    }

    /// - Precondition: to pin, the content is resident.
    mutating func setPinned(_ name: String, _ isPinned: Bool) {
        guard let alias = aliases[name], alias.isPinned != isPinned else { return }
        aliases[name]?.isPinned = isPinned
        update(alias.digest) { $0.pins += isPinned ? 1 : -1 }
    }
}
