internal import Synchronization

/// The end of a request's events that sends them; any thread may.
///
/// Not an `AsyncStream`: that one's way of an event through generic code costs a reader more than an engine needs for the
/// token.
package final class EventSender: Sendable {
    /// What a reader finds.
    enum Poll {
        case event(GenerationEvent)
        /// Nothing yet.
        case nothing
        /// Nothing any more.
        case end
    }

    fileprivate typealias Reader = UnsafeContinuation<GenerationEvent?, Never>

    fileprivate struct State {
        /// Sent; the first `readCount` of them are read.
        var events: [GenerationEvent] = []
        var readCount = 0
        /// Waits for the next event; only while all that was sent is read.
        var reader: Reader?
        var hasEnded = false
        var onCancel: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    init() {}

    /// Sends an event. After a last one, and when the reader has left, what is sent is lost.
    ///
    /// - Returns: false if it is lost.
    @discardableResult
    package func send(_ event: GenerationEvent) -> Bool {
        let (isTaken, reader) = state.withLock { $0.take(event) }
        reader?.resume(returning: event)
        return isTaken
    }

    /// Sets what to do when the reader leaves before the end; to be called once, before anybody reads.
    package func onCancel(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.onCancel = body } }

    /// Cancels unless the last event is sent; then ends, so that what `onCancel` sends can still be read.
    func readerLeft() {
        let cancel = state.withLock { $0.hasEnded ? nil : $0.onCancel.take() }
        cancel?()
        let reader = state.withLock { $0.end() }
        reader?.resume(returning: nil)
    }

    /// The next event, if it is there.
    func poll() -> Poll { state.withLock { $0.poll() } }

    /// Waits for the next event; nil after the end.
    func next(isolation: isolated (any Actor)?) async -> GenerationEvent? {
        await withTaskCancellationHandler {
            // Resumed exactly once: here, or by the one who took it out of the state.
            await withUnsafeContinuation { (reader: Reader) in
                switch state.withLock({ $0.poll(orWait: reader) }) {
                case .event(let event): reader.resume(returning: event)
                case .end: reader.resume(returning: nil)
                case .nothing: break
                }
            }
        } onCancel: {
            readerLeft()
        }
    }
}

extension EventSender.State {
    /// - Returns: whether the event is taken, and the reader that it must be handed to; without one it is kept.
    fileprivate mutating func take(_ event: GenerationEvent) -> (isTaken: Bool, reader: EventSender.Reader?) {
        if hasEnded { return (false, nil) }
        hasEnded = event.isLast
        if let reader = reader.take() { return (true, reader) }
        events.append(event)
        return (true, nil)
    }

    fileprivate mutating func poll() -> EventSender.Poll {
        guard readCount < events.count else { return hasEnded ? .end : .nothing }
        let event = events[readCount]
        readCount += 1
        if readCount == events.count {
            events.removeAll(keepingCapacity: true)
            readCount = 0
        }
        return .event(event)
    }

    fileprivate mutating func poll(orWait reader: EventSender.Reader) -> EventSender.Poll {
        let found = poll()
        if case .nothing = found {
            precondition(self.reader == nil, "two tasks read one request's events")
            self.reader = reader
        }
        return found
    }

    fileprivate mutating func end() -> EventSender.Reader? {
        hasEnded = true
        return reader.take()
    }
}

extension GenerationEvent {
    /// Whether nothing comes after it.
    var isLast: Bool {
        switch self {
        case .token: false
        case .finished, .failed: true
        }
    }
}
