/// Where a cluster obtains machines with a GPU, and gives them back.
///
/// A pool is asked from time to time and keeps nothing that it could not find again: after a restart of the scheduler it
/// knows the machines that it acquired before. Starting again what ended is not its business: whoever needs a machine
/// acquires another.
package protocol GPUPool: Sendable {
    /// Asks for machines, each of which starts a runner that is told its machine's name; does not wait for them to run.
    ///
    /// - Returns: the names of those that were asked for, fewer than `count` if the pool has no more.
    func acquire(_ count: Int) async throws(PoolError) -> [String]

    /// Gives a machine back: its runner is told to stop (SIGTERM) and is killed if it does not.
    ///
    /// A machine that is gone, or was never there, is no error.
    func release(_ machine: String) async throws(PoolError)

    /// What has become of the machines, sorted by name; those that ended as they were told to are absent.
    func machines() async throws(PoolError) -> [PoolMachine]
}

/// One machine of a pool.
package struct PoolMachine: Sendable, Equatable {
    package enum State: Sendable, Equatable {
        /// Asked for, not there yet.
        case pending
        case running
        /// Told to stop, or stopping.
        case ending
        /// Ended without having been told to, or cannot start.
        case failed(reason: String)
    }

    package let name: String
    package let state: State
    /// Differs each time the machine starts again under its name: a restarted pod, a requeued job, a new process.
    package let incarnation: String

    package init(name: String, state: State, incarnation: String) {
        self.name = name
        self.state = state
        self.incarnation = incarnation
    }
}
