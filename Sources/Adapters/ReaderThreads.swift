import Dispatch
import Synchronization

/// A bounded number of threads for work that blocks, so that executors never do; first come, first served.
final class ReaderThreads: Sendable {
    private typealias Job = @Sendable () -> Void

    private struct State {
        /// Jobs that no thread has taken yet, the oldest first.
        var waiting: [Job] = []
        var activeCount = 0
    }

    private let limit: Int
    private let state = Mutex(State())
    private let threads = DispatchQueue(label: "adapter readers", qos: .utility, attributes: .concurrent)

    /// - Parameter count: how much may be under way at once; at least 1.
    init(count: Int) {
        precondition(count > 0, "\(count) threads")
        limit = count
    }

    func run<T: Sendable>(_ work: @escaping @Sendable () -> T) async -> T {
        await withCheckedContinuation { waiter in enqueue { waiter.resume(returning: work()) } }
    }

    private func enqueue(_ job: @escaping Job) {
        let needsThread = state.withLock { state in
            state.waiting.append(job)
            guard state.activeCount < limit else { return false }
            state.activeCount += 1
            return true
        }
        if needsThread { threads.async { [self] in drain() } }
    }

    /// Works until nothing is waiting.
    private func drain() {
        while let job = next() { job() }
    }

    private func next() -> Job? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.activeCount -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
    }
}
