/// The events of one request, for one reader: tokens, then exactly one end, then nil.
///
/// Dropping them, or cancelling the task that reads, cancels the request. What was sent until then can still be read.
package final class GenerationEvents: AsyncSequence, Sendable {
    package typealias Element = GenerationEvent
    package typealias Failure = Never

    private let sender: EventSender

    private init(from sender: EventSender) { self.sender = sender }

    deinit { sender.readerLeft() }

    /// Events yet to be sent, and the end that sends them.
    package static func make() -> (events: GenerationEvents, sender: EventSender) {
        let sender = EventSender()
        return (GenerationEvents(from: sender), sender)
    }

    package func makeAsyncIterator() -> Iterator { Iterator(events: self) }

    /// Several take turns: each goes on where the last stopped.
    package struct Iterator: AsyncIteratorProtocol {
        fileprivate let events: GenerationEvents

        package mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async -> GenerationEvent? {
            if Task.isCancelled { events.sender.readerLeft() }
            // Where the reader is slower than the sender it never has to wait, and this is all that happens.
            switch events.sender.poll() {
            case .event(let event): return event
            case .end: return nil
            case .nothing: return await events.sender.next(isolation: actor)
            }
        }
    }
}
