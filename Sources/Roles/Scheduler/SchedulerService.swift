import Cluster
import ClusterProtocol
import GRPCCore
import Logging

/// The scheduler's end of its connections.
struct SchedulerService: WireScheduler.ServiceProtocol {
    let desk: SchedulerDesk
    let security: ClusterSecurity
    let logger: Logger

    func attach(
        request: StreamingServerRequest<WireRunnerMessage>,
        context: ServerContext
    ) async throws -> StreamingServerResponse<WireRunnerOrder> {
        let messages = request.messages
        return StreamingServerResponse { writer in
            let (orders, continuation) = AsyncStream.makeStream(of: RunnerOrder.self)
            try await converse(context) {
                try await listen(to: messages, context, continuation)
            } telling: {
                for await order in orders { try await writer.write(order.wire) }
            }
            return [:]
        }
    }

    func follow(
        request: StreamingServerRequest<WireFrontendMessage>,
        context: ServerContext
    ) async throws -> StreamingServerResponse<WireFrontendOrder> {
        let messages = request.messages
        return StreamingServerResponse { writer in
            let (orders, continuation) = AsyncStream.makeStream(of: FrontendOrder.self)
            try await converse(context) {
                try await listen(to: messages, context, continuation)
            } telling: {
                for await order in orders { try await writer.write(order.wire) }
            }
            return [:]
        }
    }

    func operate(
        request: ServerRequest<WireOperation>,
        context: ServerContext
    ) async throws -> ServerResponse<WireOperationResult> {
        do throws(RoleError) {
            try context.authorize(security, as: "an operator", \.isOperator)
            let operation = try parsed { () throws(ProtocolError) in try Operation(request.message) }
            let text = await desk.operate(operation)
            return ServerResponse(message: WireOperationResult(text: text))
        } catch {
            throw refused(error, context)
        }
    }

    /// Listens and talks at the same time until either ends.
    private func converse(
        _ context: ServerContext,
        _ listening: @escaping @Sendable () async throws -> Void,
        telling: @escaping @Sendable () async throws -> Void
    ) async throws {
        do {
            try await withThrowingTaskGroup { group in
                group.addTask { try await listening() }
                group.addTask { try await telling() }
                defer { group.cancelAll() }
                _ = try await group.next()
            }
        } catch let error as RoleError {
            throw refused(error, context)
        }
    }

    private func refused(_ error: RoleError, _ context: ServerContext) -> RoleError {
        logger.warning("refused", metadata: ["peer": "\(context.remotePeer)", "reason": "\(error)"])
        return error
    }
}

/// Runners.
extension SchedulerService {
    private func listen(
        to messages: RPCAsyncSequence<WireRunnerMessage, any Error>,
        _ context: ServerContext,
        _ orders: AsyncStream<RunnerOrder>.Continuation
    ) async throws {
        var place: (id: RunnerID, connection: SchedulerDesk.Connection)?
        do {
            for try await wire in messages {
                let message = try parsed { () throws(ProtocolError) in try RunnerMessage(wire) }
                switch (message, place) {
                case (.registration(let registration), nil):
                    let id = registration.description.id
                    try context.authorize(security, as: "\(PeerRole.runner(id))") { $0 == .runner(id) }
                    place = (id, try await desk.attach(registration, orders: orders))
                case (.report(let report, let isDraining), let (id, connection)?):
                    await desk.report(report, isDraining: isDraining, from: id, connection)
                case (.registration, _?):
                    throw RoleError.message(.unexpected(message: "a registration", expected: "a report"))
                case (.report, nil):
                    throw RoleError.message(.unexpected(message: "a report", expected: "a registration"))
                }
            }
        } catch {
            if let (id, connection) = place { await desk.detach(id, connection) }
            throw error
        }
        if let (id, connection) = place { await desk.detach(id, connection) }
    }
}

/// Frontends.
extension SchedulerService {
    private func listen(
        to messages: RPCAsyncSequence<WireFrontendMessage, any Error>,
        _ context: ServerContext,
        _ orders: AsyncStream<FrontendOrder>.Continuation
    ) async throws {
        try context.authorize(security, as: "a frontend", \.isFrontend)
        var place: (frontend: UInt64, connection: SchedulerDesk.Connection)?
        do {
            for try await wire in messages {
                let message = try parsed { () throws(ProtocolError) in try FrontendMessage(wire) }
                if let (frontend, connection) = place {
                    try await desk.hear(message, from: frontend, connection)
                } else if case .hello(let frontend, let requests) = message {
                    place = (frontend, try await desk.follow(frontend, requests: requests, orders: orders))
                } else {
                    throw RoleError.message(.unexpected(message: "another message", expected: "a hello"))
                }
            }
        } catch {
            if let (frontend, connection) = place { await desk.unfollow(frontend, connection) }
            throw error
        }
        if let (frontend, connection) = place { await desk.unfollow(frontend, connection) }
    }
}
