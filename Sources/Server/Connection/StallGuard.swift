import NIOCore
import Synchronization

/// Closes a connection whose reader takes nothing for too long; a suspended write then fails.
final class StallGuard: Sendable {
    private let limit: Duration
    private let channel: any Channel
    private let writingSince = Mutex<ContinuousClock.Instant?>(nil)

    init(limit: Duration, channel: any Channel) {
        self.limit = limit
        self.channel = channel
    }

    func beginWrite() { writingSince.withLock { $0 = .now } }
    func endWrite() { writingSince.withLock { $0 = nil } }

    /// Watches until cancelled.
    func run() async {
        while (try? await Task.sleep(for: limit / 4)) != nil {
            let since = writingSince.withLock { $0 }
            if let since, ContinuousClock.now - since > limit {
                channel.close(promise: nil)
                return
            }
        }
    }
}
