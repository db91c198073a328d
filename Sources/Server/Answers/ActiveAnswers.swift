import Frontend
import Synchronization

/// The answers being made, so that a server that stops can wait for them and, in the end, cut them off.
package final class ActiveAnswers: Sendable {
    /// One answer's place; given back when dropped.
    final class Ticket: Sendable {
        private let answers: ActiveAnswers
        private let number: Int

        fileprivate init(_ answers: ActiveAnswers, number: Int) {
            self.answers = answers
            self.number = number
        }

        /// Lets `cancelAll` end this generation; ends it now if that was called already.
        func attach(_ generation: Generation) {
            let isLate = answers.state.withLock { state in
                state.running[number] = generation
                return state.isCancelled
            }
            if isLate { generation.cancel() }
        }

        deinit {
            // Released outside the lock: the last reference to a generation cancels it.
            _ = answers.state.withLock { $0.running.removeValue(forKey: number) }
        }
    }

    private struct State {
        var running: [Int: Generation?] = [:]
        var next = 0
        var isDraining = false
        var isCancelled = false
    }

    private let state = Mutex(State())

    package init() {}

    package var isDraining: Bool { state.withLock { $0.isDraining } }
    package var count: Int { state.withLock { $0.running.count } }

    /// A place for one more answer; refused while draining.
    func begin() throws(ServerError) -> Ticket {
        let number: Int? = state.withLock { state in
            guard !state.isDraining else { return nil }
            defer { state.next += 1 }
            state.running[state.next] = .some(nil)
            return state.next
        }
        guard let number else { throw .draining }
        return Ticket(self, number: number)
    }

    /// Refuses new answers, waits for the running ones, and cuts off those that outlast `grace`.
    package func drain(grace: Duration) async {
        state.withLock { $0.isDraining = true }
        await waitUntilIdle(for: grace)
        cancelAll()
        // Cancelled answers still have to say so to their clients.
        await waitUntilIdle(for: .seconds(2))
    }

    private func waitUntilIdle(for limit: Duration) async {
        let deadline = ContinuousClock.now + limit
        while count > 0, ContinuousClock.now < deadline {
            do { try await Task.sleep(for: .milliseconds(20)) } catch { return }
        }
    }

    private func cancelAll() {
        let running = state.withLock { state in
            state.isCancelled = true
            return state.running.values.compactMap { $0 }
        }
        for generation in running { generation.cancel() }
    }
}
