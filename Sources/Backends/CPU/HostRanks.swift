internal import Dispatch
internal import Synchronization

/// The ranks of a model that is split over threads of this process, and the sum that they end a layer's halves with.
///
/// Each rank adds up its share of the numbers, in the order of the ranks, and hands it to all: every rank gets the same
/// bits, whatever the threads' timing.
package final class HostRanks: Sendable {
    private struct Meeting {
        var addresses: [UInt]
        var arrived = 0
    }

    private let meeting: Mutex<Meeting>
    private let gates: [DispatchSemaphore]

    package init(count: Int) {
        precondition(count > 0)
        meeting = Mutex(Meeting(addresses: Array(repeating: 0, count: count)))
        gates = (0..<count).map { _ in DispatchSemaphore(value: 0) }
    }

    package var count: Int { gates.count }

    /// One rank's end of the meeting; used by one thread.
    package struct Member: Sendable {
        let ranks: HostRanks
        package let tpRank: Int

        /// Replaces `count` numbers by their sum over the ranks; returns when all ranks have it.
        func sum(_ numbers: UnsafeMutablePointer<Float>, count: Int) {
            ranks.meet(tpRank, UInt(bitPattern: numbers))
            ranks.addShare(of: count, tpRank)
            ranks.meet(tpRank, UInt(bitPattern: numbers))
        }
    }

    package func member(_ tpRank: Int) -> Member {
        precondition(gates.indices.contains(tpRank), "rank \(tpRank) of \(count)")
        return Member(ranks: self, tpRank: tpRank)
    }

    /// Waits until all ranks are here; their addresses are known then.
    private func meet(_ tpRank: Int, _ address: UInt) {
        let isLast = meeting.withLock { meeting in
            meeting.addresses[tpRank] = address
            meeting.arrived += 1
            guard meeting.arrived == count else { return false }
            meeting.arrived = 0
            return true
        }
        if isLast {
            for (other, gate) in gates.enumerated() where other != tpRank { gate.signal() }
        } else {
            gates[tpRank].wait()
        }
    }

    private func addShare(of numbers: Int, _ tpRank: Int) {
        let addresses = meeting.withLock { $0.addresses }
        // Sound: every rank waits in `sum` until all have added, so the numbers live, and shares do not overlap.
        let parts = addresses.compactMap { UnsafeMutablePointer<Float>(bitPattern: $0) }
        for index in numbers * tpRank / count..<numbers * (tpRank + 1) / count {
            var sum = parts[0][index]
            for part in parts.dropFirst() { sum += part[index] }
            for part in parts { part[index] = sum }
        }
    }
}
