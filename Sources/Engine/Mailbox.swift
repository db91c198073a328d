internal import Core
internal import Dispatch
internal import Synchronization

/// What other threads ask of an engine.
enum EngineMessage: Sendable {
    case submit(Submission)
    case cancel(RequestID)
    /// Cancel whatever is left and leave the loop.
    case stop
}

/// The engine's one ordered input. Any thread puts, the engine's thread takes.
final class Mailbox: Sendable {
    private let messages = Mutex<[EngineMessage]>([])
    private let wake = DispatchSemaphore(value: 0)

    func put(_ message: EngineMessage) {
        let wasEmpty = messages.withLock { messages in
            messages.append(message)
            return messages.count == 1
        }
        // One signal for each time the box stops being empty is enough: taking empties it.
        if wasEmpty { wake.signal() }
    }

    /// Exchanges the messages for an empty list whose memory is reused.
    func take(into empty: inout [EngineMessage]) {
        messages.withLock { swap(&$0, &empty) }
    }

    /// Sleeps until a message may be there, or for the time given.
    func wait(atMost seconds: Double? = nil) {
        guard let seconds else { return wake.wait() }
        _ = wake.wait(timeout: .now() + seconds)
    }
}
