import Synchronization

/// Refused and failed requests by their code; codes are fixed words, so there are few.
final class ErrorCounts: Sendable {
    private let counts = Mutex<[String: Int]>([:])

    func add(_ code: String) { counts.withLock { $0[code, default: 0] += 1 } }

    var snapshot: [String: Int] { counts.withLock { $0 } }
}
