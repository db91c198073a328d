internal import Adapters
internal import Core

/// An event on its way to the stream of its request.
struct PendingEvent: Sendable {
    private let events: AsyncStream<GenerationEvent>.Continuation
    private let event: GenerationEvent
    /// The request's hold on its adapter, if this is its last event.
    private var lease: AdapterLease?

    init(_ event: GenerationEvent, to events: AsyncStream<GenerationEvent>.Continuation, lease: AdapterLease? = nil) {
        self.event = event
        self.events = events
        self.lease = lease
    }

    var isLast: Bool {
        switch event {
        case .token: false
        case .finished, .failed: true
        }
    }

    /// Ends the hold before anybody hears of the end.
    mutating func deliver() {
        lease = nil
        events.yield(event)
        if isLast { events.finish() }
    }
}
