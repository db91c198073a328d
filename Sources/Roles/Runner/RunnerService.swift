import Adapters
import Cluster
import ClusterProtocol
import Core
import Engine
import Frontend
import GRPCCore
import Logging

/// Serves generation streams to frontends.
struct RunnerService: WireRunner.ServiceProtocol {
    let id: RunnerID
    let source: any TokenSource
    let vocabularySize: Int
    let adapters: any RunnerAdapters
    let open: OpenGenerations
    let security: ClusterSecurity
    let timeouts: ClusterTimeouts
    let logger: Logger

    func generate(
        request: ServerRequest<WireGenerateRequest>,
        context: ServerContext
    ) async throws -> StreamingServerResponse<WireGenerateEvent> {
        let generation: RemoteGeneration
        do throws(RoleError) {
            try context.authorize(security, as: "a frontend", \.isFrontend)
            generation = try parsed { () throws(ProtocolError) in try RemoteGeneration(request.message) }
        } catch {
            logger.warning("request refused", metadata: ["peer": "\(context.remotePeer)", "reason": "\(error)"])
            throw error
        }
        guard generation.runner == id else {
            // The frontend's news of who is at this address are old.
            throw RPCError(code: .unavailable, message: "this is runner \(id), not \(generation.runner)")
        }
        return StreamingServerResponse { writer in
            try await stream(generation, to: writer)
            return [:]
        }
    }

    private func stream(_ generation: RemoteGeneration, to writer: RPCWriter<WireGenerateEvent>) async throws {
        let (events, out) = AsyncStream.makeStream(of: RemoteEvent.self)
        out.yield(.alive)
        let work = Task { await run(generation, into: out) }
        let beat = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: timeouts.heartbeat)
                out.yield(.alive)
            }
        }
        defer {
            work.cancel()
            beat.cancel()
        }
        try await withRPCCancellationHandler {
            for await event in events { try await writer.write(event.wire) }
        } onCancelRPC: {
            out.finish()
        }
    }

    /// Runs a request to its end; cancelling the task cancels the request.
    private func run(_ generation: RemoteGeneration, into out: AsyncStream<RemoteEvent>.Continuation) async {
        defer { out.finish() }
        let lease: AdapterLease?
        do {
            lease = if let digest = generation.adapter { try await adapters.lease(digest) } else { nil }
        } catch {
            logger.warning("no adapter", metadata: ["request": "\(generation.id)", "reason": "\(error)"])
            out.yield(.adapterUnavailable(reason: "\(error)"))
            return
        }
        do throws(EngineError) {
            try checkBias(generation.sampling)
            let local = open.begin(generation.id, tokens: generation.generated.count)
            defer { open.end(local) }
            for await event in try source.submit(GenerationRequest(generation, id: local, adapter: lease)) {
                if case .token(let token) = event { open.progress(local, tokens: token.index + 1) }
                out.yield(.generation(event))
            }
        } catch {
            out.yield(.generation(.failed(error)))
        }
    }

    /// The engine takes it for granted that whoever let a request in has looked.
    private func checkBias(_ sampling: SamplingParameters) throws(EngineError) {
        for bias in sampling.logitBias where !(0..<Int32(vocabularySize)).contains(bias.token.rawValue) {
            throw .tokenOutOfRange(token: bias.token, vocabularySize: vocabularySize)
        }
    }
}

extension GenerationRequest {
    fileprivate init(_ generation: RemoteGeneration, id: RequestID, adapter: AdapterLease?) {
        self.init(
            id: id,
            prompt: generation.prompt,
            generated: generation.generated,
            adapter: adapter,
            sampling: generation.sampling,
            stop: generation.stop
        )
    }
}
