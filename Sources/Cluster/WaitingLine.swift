internal import DequeModule

/// Requests that wait for a runner, first come first: by arrival, of equals by id.
struct WaitingLine: Sendable {
    struct Entry: Comparable, Sendable {
        let arrival: Duration
        let id: ClusterRequestID
        let slot: RequestSlot

        static func < (left: Self, right: Self) -> Bool {
            left.arrival != right.arrival ? left.arrival < right.arrival : left.id < right.id
        }
    }

    private var entries: Deque<Entry> = []

    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }

    subscript(position: Int) -> RequestSlot { entries[position].slot }

    /// Nearly always at the end, which costs nothing to find; a resumed request goes where it stood.
    mutating func insert(_ entry: Entry) {
        guard let last = entries.last, entry < last else { return entries.append(entry) }
        entries.insert(entry, at: position(of: entry))
    }

    mutating func remove(_ entry: Entry) {
        let position = position(of: entry)
        precondition(position < entries.count && entries[position] == entry, "\(entry.id) waits")
        entries.remove(at: position)
    }

    mutating func remove(at position: Int) {
        if position == 0 { _ = entries.removeFirst() } else { entries.remove(at: position) }
    }

    private func position(of entry: Entry) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle] < entry { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func checkInvariants() {
        precondition(zip(entries, entries.dropFirst()).allSatisfy { $0 < $1 }, "the line is in order")
    }
}
