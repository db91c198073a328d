import Cluster
import Core
import Synchronization

/// Requests at work on this runner, under ids of its own: one that left may come back before its old self has gone.
final class OpenGenerations: Sendable {
    private struct State {
        var last: UInt64 = 0
        var open: [RequestID: (id: ClusterRequestID, tokens: Int)] = [:]
    }

    private let state = Mutex(State())

    /// - Parameter tokens: generated before.
    func begin(_ id: ClusterRequestID, tokens: Int) -> RequestID {
        state.withLock { state in
            state.last += 1
            let local = RequestID(state.last)
            state.open[local] = (id, tokens)
            return local
        }
    }

    func progress(_ local: RequestID, tokens: Int) { state.withLock { $0.open[local]?.tokens = tokens } }

    func end(_ local: RequestID) { state.withLock { $0.open[local] = nil } }

    var count: Int { state.withLock { $0.open.count } }

    /// What is at work, in order of beginning.
    var progress: [(id: ClusterRequestID, tokens: Int)] {
        state.withLock { $0.open }.sorted { $0.key < $1.key }.map(\.value)
    }
}
