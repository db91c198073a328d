package import ClusterProtocol
import GRPCCore

/// What an operator's commands talk to the scheduler with.
package struct OperatorClient: Sendable {
    private let scheduler: NetworkAddress
    private let security: ClusterSecurity
    private let timeouts: ClusterTimeouts

    package init(
        scheduler: NetworkAddress,
        security: ClusterSecurity,
        timeouts: ClusterTimeouts = ClusterTimeouts()
    ) {
        self.scheduler = scheduler
        self.security = security
        self.timeouts = timeouts
    }

    /// - Returns: the scheduler's answer, for people; of `status`, JSON.
    package func perform(_ operation: Operation) async throws -> String {
        let connection = try ClusterConnection(to: scheduler, server: .scheduler, security: security)
        defer { connection.close() }
        return try await withWatchdog(silence: timeouts.silence) { _ in
            let client = WireScheduler.Client(wrapping: connection.client)
            return try await client.operate(request: ClientRequest(message: operation.wire)) { try $0.message.text }
        }
    }
}
