import Core
import Synchronization

/// Gives out request ids, each once in the life of the process.
final class RequestIDs: Sendable {
    private let last = Atomic<UInt64>(0)

    func next() -> RequestID {
        RequestID(last.wrappingAdd(1, ordering: .relaxed).newValue)
    }
}
