internal import Synchronization

/// When something was last heard.
final class Watchdog: Sendable {
    private let last = Mutex(ContinuousClock.now)

    func alive() { last.withLock { $0 = .now } }

    var age: Duration { ContinuousClock.now - last.withLock { $0 } }
}
