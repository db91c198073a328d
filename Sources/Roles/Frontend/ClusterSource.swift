import Adapters
import Cluster
import ClusterProtocol
package import Core
package import Engine
import Frontend
import GRPCCore
package import Logging
import Synchronization

/// Tokens from the runners of a cluster.
///
/// Owns every request until it ends: the prompt, the tokens so far, the seed, the adapter's digest. A request that
/// must leave a runner, for whatever reason, is opened again elsewhere with these, and goes on with the tokens that
/// it would have had.
package final class ClusterSource: TokenSource {
    private struct Books {
        var open: [RequestID: OpenRequest] = [:]
        var finished = EngineStatistics().finished
        var isStopped = false
    }

    /// Chosen at random: requests of two frontends, or of one that was started again, are told apart by it.
    let frontend = UInt64.random(in: .min ... .max)
    private let books = Mutex(Books())
    private let tokenCount = Atomic<Int>(0)
    private let maxWaiting: Int
    private let timeouts: ClusterTimeouts
    private let channels: RunnerChannels
    private let link: SchedulerLink
    private let logger: Logger

    /// - Parameter maxWaiting: requests without a place; more are refused.
    package init(
        scheduler: NetworkAddress,
        security: ClusterSecurity,
        maxWaiting: Int = 1024,
        timeouts: ClusterTimeouts = ClusterTimeouts(),
        logger: Logger
    ) {
        self.maxWaiting = maxWaiting
        self.timeouts = timeouts
        self.logger = logger
        channels = RunnerChannels(security: security)
        link = SchedulerLink(scheduler: scheduler, security: security, timeouts: timeouts, logger: logger)
    }

    /// Keeps to the scheduler until the task is cancelled; then ends what is left.
    package func run() async {
        await link.run(
            hello: { [self] in
                let requests = books.withLock { Array($0.open.values) }
                return .hello(frontend: frontend, requests: requests.compactMap(\.query))
            },
            onOrder: { [self] in handle($0) }
        )
        let left = books.withLock { books in
            books.isStopped = true
            return Array(books.open.values)
        }
        for request in left { request.handle(.cancel) }
        channels.closeAll()
    }

    package func submit(_ request: GenerationRequest) throws(EngineError) -> GenerationEvents {
        guard !request.prompt.isEmpty else { throw .emptyPrompt }
        let (events, sender) = GenerationEvents.make()
        let open = OpenRequest(request, events: sender, owner: self)
        let waiting = waitingCount
        let refusal = books.withLock { books -> EngineError? in
            if books.isStopped { return .stopped }
            if waiting >= maxWaiting { return .queueFull(limit: maxWaiting) }
            books.open[request.id] = open
            return nil
        }
        if let refusal { throw refusal }
        sender.onCancel { [weak open] in open?.handle(.cancel) }
        if let query = open.query { link.send(.submit(query)) }
        return events
    }

    package func cancel(_ id: RequestID) { books.withLock { $0.open[id] }?.handle(.cancel) }

    /// Requests of this frontend: those with a stream from a runner count as running.
    package var statistics: EngineStatistics {
        let (open, finished) = books.withLock { (Array($0.open.values), $0.finished) }
        var statistics = EngineStatistics()
        statistics.waiting = open.count { $0.isWaiting }
        statistics.running = open.count - statistics.waiting
        statistics.finished = finished
        statistics.generatedTokens = tokenCount.load(ordering: .relaxed)
        return statistics
    }

    /// The scheduler's last word on the cluster, as JSON; nil before the first, and since when there was none.
    package var lastSnapshot: (text: [UInt8], age: Duration)? { link.lastSnapshot }

    private var waitingCount: Int {
        let open = books.withLock { Array($0.open.values) }
        return open.count { $0.isWaiting }
    }

    private func handle(_ order: FrontendOrder) {
        switch order {
        case .place(let id, let attempt, let runner, let address):
            guard let request = books.withLock({ $0.open[id] }) else { return link.send(.ended(id)) }
            request.handle(.place(runner, address: address, attempt: attempt))
        case .refuse(let id, let attempt):
            books.withLock { $0.open[id] }?.handle(.refuse(attempt: attempt))
        case .snapshot:
            channels.sweep()
        }
    }
}

extension ClusterSource: OpenRequest.Owner {
    func tell(_ message: FrontendMessage) { link.send(message) }

    func hasEnded(_ request: OpenRequest, with event: GenerationEvent) {
        books.withLock { books in
            books.open[request.request.id] = nil
            books.finished.count(event)
        }
    }

    func follow(
        _ request: OpenRequest,
        on runner: RunnerID,
        address: String,
        stream: Int,
        generated: [TokenID]
    ) async {
        let call = GenerationCall(
            generation: RemoteGeneration(request.request, frontend: frontend, runner: runner, generated: generated),
            timeouts: timeouts
        )
        let accepted = Flag()
        do {
            try await channels.withConnection(
                RunnerChannels.Key(runner: runner, address: address),
                isBroken: { ($0 as? RPCError).map { [.unavailable, .deadlineExceeded].contains($0.code) } ?? false }
            ) { client in
                try await call.run(on: client) { [self] event in
                    accepted.set()
                    switch event {
                    case .alive: break
                    case .generation(let event):
                        if case .token = event { tokenCount.wrappingAdd(1, ordering: .relaxed) }
                        request.handle(.event(event, stream: stream))
                    case .adapterUnavailable(let reason):
                        request.handle(.adapterUnavailable(reason, stream: stream))
                    }
                }
            }
            request.handle(.broken("it ended its stream", stream: stream, wasAccepted: true))
        } catch {
            if !Task.isCancelled {
                logger.info("stream lost", metadata: ["runner": "\(runner)", "reason": "\(error)"])
            }
            request.handle(.broken("\(error)", stream: stream, wasAccepted: accepted.isSet))
        }
    }
}

extension RemoteGeneration {
    fileprivate init(_ request: GenerationRequest, frontend: UInt64, runner: RunnerID, generated: [TokenID]) {
        self.init(
            id: ClusterRequestID(frontend: frontend, request: request.id),
            runner: runner,
            prompt: request.prompt,
            generated: request.generated + generated,
            adapter: request.adapter?.adapter.digest,
            sampling: request.sampling,
            stop: request.stop
        )
    }
}
