internal import Dispatch
internal import Synchronization

/// Takes events off the engine's hands: one hand-over for each step, one thread that sends them.
final class EventDelivery: Sendable {
    private struct Box {
        var events: [PendingEvent] = []
        var isClosed = false
    }

    private let box = Mutex(Box())
    private let wake = DispatchSemaphore(value: 0)
    private let ended = Atomic<Int>(0)

    /// Requests whose last event is sent.
    var endedCount: Int { ended.load(ordering: .acquiring) }

    /// Hands events over; `events` comes back empty, with memory to reuse whenever the last ones were delivered.
    func put(_ events: inout [PendingEvent]) {
        box.withLock { box in
            if box.events.isEmpty {
                swap(&box.events, &events)
            } else {
                box.events.append(contentsOf: events)
                events.removeAll(keepingCapacity: true)
            }
        }
        wake.signal()
    }

    /// Lets `run` return once everything is delivered.
    func close() {
        box.withLock { $0.isClosed = true }
        wake.signal()
    }

    /// Sends events until closed; the body of the delivery thread.
    func run() {
        var events: [PendingEvent] = []
        var senders = OpenSenders()
        while true {
            wake.wait()
            let isClosed = box.withLock { box in
                swap(&box.events, &events)
                return box.isClosed
            }
            for position in events.indices {
                events[position].endHold()
                if senders.send(events[position]) { ended.wrappingAdd(1, ordering: .releasing) }
            }
            events.removeAll(keepingCapacity: true)
            if isClosed { return }
        }
    }
}
