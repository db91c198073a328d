import Cluster
import Synchronization

/// Connections to runners, one to each, made when a request goes there.
final class RunnerChannels: Sendable {
    /// Which runner, and where.
    struct Key: Hashable {
        let runner: RunnerID
        let address: String
    }

    private struct Entry {
        let connection: ClusterConnection
        let serial: Int
        var users = 0
        var lastUse = ContinuousClock.now
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        var serials = 0
    }

    private let security: ClusterSecurity
    private let state = Mutex(State())

    init(security: ClusterSecurity) { self.security = security }

    /// Runs `body` with the connection to a runner.
    ///
    /// - Parameter isBroken: whether an error means that the connection is of no more use to anybody.
    func withConnection(
        _ key: Key,
        isBroken: (any Error) -> Bool,
        _ body: (ClusterClient) async throws -> Void
    ) async throws {
        let (connection, serial) = try use(key)
        defer { leave(key, serial) }
        do {
            try await body(connection.client)
        } catch {
            if isBroken(error) { discard(key, serial) }
            throw error
        }
    }

    /// Closes connections that nobody has used for a while.
    func sweep(unusedFor age: Duration = .seconds(60)) {
        let closed = state.withLock { state in
            let now = ContinuousClock.now
            let old = state.entries.filter { $0.value.users == 0 && now - $0.value.lastUse > age }
            for key in old.keys { state.entries[key] = nil }
            return old.values.map(\.connection)
        }
        for connection in closed { connection.close() }
    }

    func closeAll() { sweep(unusedFor: .seconds(-1)) }

    private func use(_ key: Key) throws -> (ClusterConnection, serial: Int) {
        let address = try NetworkAddress(key.address)
        return try state.withLock { state in
            if state.entries[key] == nil {
                state.serials += 1
                let connection = try ClusterConnection(to: address, server: .runner(key.runner), security: security)
                state.entries[key] = Entry(connection: connection, serial: state.serials)
            }
            state.entries[key]?.users += 1
            guard let entry = state.entries[key] else { preconditionFailure("the entry was just made") }
            return (entry.connection, entry.serial)
        }
    }

    private func leave(_ key: Key, _ serial: Int) {
        state.withLock { state in
            guard state.entries[key]?.serial == serial else { return }
            state.entries[key]?.users -= 1
            state.entries[key]?.lastUse = .now
        }
    }

    private func discard(_ key: Key, _ serial: Int) {
        let connection = state.withLock { state -> ClusterConnection? in
            guard let entry = state.entries[key], entry.serial == serial else { return nil }
            state.entries[key] = nil
            return entry.connection
        }
        connection?.close()
    }
}
