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
    private struct Box {
        var messages: [EngineMessage] = []
        /// Whether the engine sleeps, or is about to, and must be woken.
        var isWaiting = false
    }

    private let box = Mutex(Box())
    private let wake = DispatchSemaphore(value: 0)

    func put(_ message: EngineMessage) {
        let wakes = box.withLock { box in
            box.messages.append(message)
            defer { box.isWaiting = false }
            return box.isWaiting
        }
        if wakes { wake.signal() }
    }

    /// Exchanges the messages for an empty list whose memory is reused.
    func take(into empty: inout [EngineMessage]) {
        box.withLock { swap(&$0.messages, &empty) }
    }

    /// Sleeps until a message is there, or for the time given; may also return early.
    func wait(atMost seconds: Double? = nil) {
        let mustWait = box.withLock { box in
            box.isWaiting = box.messages.isEmpty
            return box.isWaiting
        }
        guard mustWait else { return }
        if let seconds {
            _ = wake.wait(timeout: .now() + seconds)
            box.withLock { $0.isWaiting = false }
        } else {
            wake.wait()
        }
    }
}
