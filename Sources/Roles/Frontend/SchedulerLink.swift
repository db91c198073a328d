import ClusterProtocol
import GRPCCore
import Logging
import Synchronization

/// A frontend's connection to its scheduler, made again whenever it breaks.
///
/// While there is none, what is sent is dropped: the next connection begins with everything that is open.
final class SchedulerLink: Sendable {
    private let scheduler: NetworkAddress
    private let security: ClusterSecurity
    private let timeouts: ClusterTimeouts
    private let logger: Logger
    private let outgoing = Mutex<AsyncStream<FrontendMessage>.Continuation?>(nil)
    private let snapshot = Mutex<(text: [UInt8], time: ContinuousClock.Instant)?>(nil)

    init(scheduler: NetworkAddress, security: ClusterSecurity, timeouts: ClusterTimeouts, logger: Logger) {
        self.scheduler = scheduler
        self.security = security
        self.timeouts = timeouts
        self.logger = logger
    }

    var lastSnapshot: (text: [UInt8], age: Duration)? {
        snapshot.withLock { $0.map { ($0.text, ContinuousClock.now - $0.time) } }
    }

    func send(_ message: FrontendMessage) { outgoing.withLock { _ = $0?.yield(message) } }

    /// Returns when the task is cancelled.
    func run(
        hello: @escaping @Sendable () -> FrontendMessage,
        onOrder: @escaping @Sendable (FrontendOrder) -> Void
    ) async {
        var backoff = Backoff()
        while !Task.isCancelled {
            let start = ContinuousClock.now
            do {
                try await follow(hello: hello, onOrder: onOrder)
            } catch {
                if !Task.isCancelled {
                    logger.notice("no scheduler", metadata: ["address": "\(scheduler)", "reason": "\(error)"])
                }
            }
            if ContinuousClock.now - start > timeouts.silence { backoff.reset() }
            try? await Task.sleep(for: backoff.delay())
        }
    }

    private func follow(
        hello: @escaping @Sendable () -> FrontendMessage,
        onOrder: @escaping @Sendable (FrontendOrder) -> Void
    ) async throws {
        let connection = try ClusterConnection(to: scheduler, server: .scheduler, security: security)
        defer { connection.close() }
        try await withWatchdog(silence: timeouts.silence) { [self] watchdog in
            let request = StreamingClientRequest<WireFrontendMessage> { [self] writer in
                for await message in connect(hello: hello) { try await writer.write(message.wire) }
            }
            defer { disconnect() }
            try await WireScheduler.Client(wrapping: connection.client).follow(request: request) { response in
                for try await wire in response.messages {
                    watchdog.alive()
                    let order = try parsed { () throws(ProtocolError) in try FrontendOrder(wire) }
                    if case .snapshot(let text) = order { self.snapshot.withLock { $0 = (text, .now) } }
                    onOrder(order)
                }
            }
        }
    }

    /// What is sent from now on, beginning with the hello.
    private func connect(hello: () -> FrontendMessage) -> AsyncStream<FrontendMessage> {
        let (messages, continuation) = AsyncStream.makeStream(of: FrontendMessage.self)
        // In one step: what is not in the hello comes after it.
        outgoing.withLock { outgoing in
            continuation.yield(hello())
            outgoing = continuation
        }
        let heartbeat = timeouts.heartbeat
        let beat = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: heartbeat)
                continuation.yield(.alive)
            }
        }
        continuation.onTermination = { _ in beat.cancel() }
        return messages
    }

    private func disconnect() {
        let ended = outgoing.withLock { outgoing in
            defer { outgoing = nil }
            return outgoing
        }
        ended?.finish()
    }
}
