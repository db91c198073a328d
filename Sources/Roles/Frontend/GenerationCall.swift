import ClusterProtocol
import GRPCCore

/// One stream of one request from one runner.
struct GenerationCall: Sendable {
    let generation: RemoteGeneration
    let timeouts: ClusterTimeouts

    /// Returns when the runner ends the stream; cancelling the task cancels the request there.
    ///
    /// - Throws: `RPCError`, or `RoleError` for what cannot be understood.
    func run(on client: ClusterClient, _ onEvent: @escaping @Sendable (RemoteEvent) -> Void) async throws {
        let request = ClientRequest(message: generation.wire)
        try await withWatchdog(silence: timeouts.silence) { watchdog in
            try await WireRunner.Client(wrapping: client).generate(request: request) { response in
                for try await wire in response.messages {
                    watchdog.alive()
                    onEvent(try parsed { () throws(ProtocolError) in try RemoteEvent(wire) })
                }
            }
        }
    }
}

/// A message of another process, or the error of a role.
func parsed<T>(_ parse: () throws(ProtocolError) -> T) throws(RoleError) -> T {
    do {
        return try parse()
    } catch {
        throw .message(error)
    }
}
