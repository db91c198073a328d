import Cluster
import Core
import Engine

/// The course of one request through the cluster, as its frontend decides it.
///
/// A pure value. At any time the request waits for a place, or has one stream from one runner, or has ended; `handle`
/// takes what happened and says what to do. Whatever a runner does, the client gets each token once, in order, and
/// then exactly one end.
struct RequestCourse {
    enum Phase: Equatable {
        case waiting
        case streaming(RunnerID, stream: Int)
        case ended
    }

    enum Input: Equatable {
        /// The scheduler's word; `attempt` says which question it answers.
        case place(RunnerID, address: String, attempt: UInt32)
        case refuse(attempt: UInt32)
        case event(GenerationEvent, stream: Int)
        case adapterUnavailable(String, stream: Int)
        /// The stream is over without an end of the request.
        ///
        /// `wasAccepted`: the runner had answered, and so may have died of this very request.
        case broken(String, stream: Int, wasAccepted: Bool)
        case cancel
    }

    enum Action: Equatable {
        case open(RunnerID, address: String, stream: Int)
        case close(stream: Int)
        /// Ask the scheduler for a place.
        case ask
        case deliver(GenerationEvent)
        /// Tell the scheduler that the request has ended.
        case end
    }

    /// How many times in a row runners may fail a request without a token: what kills every runner must not go round.
    static let fruitlessLimit = 8
    /// How many times runners may say that they cannot have the adapter: others have the same origin.
    static let adapterLimit = 3

    private let stop: StopConditions
    private(set) var phase = Phase.waiting
    private(set) var tokens: [TokenID] = []
    /// How often a place was asked for.
    private(set) var attempt: UInt32 = 1
    /// The runner that failed last, until there is a place.
    private(set) var lost: RunnerID?
    private var streams = 0
    private var fruitless = 0
    private var withoutAdapter = 0

    init(stop: StopConditions) { self.stop = stop }

    mutating func handle(_ input: Input) -> [Action] {
        guard phase != .ended else { return [] }
        switch input {
        case .place(let runner, let address, let attempt):
            return attempt == self.attempt ? place(on: runner, address: address) : []
        case .refuse(let attempt):
            return attempt == self.attempt ? end(.failed(.backend("no runner is large enough for the request"))) : []
        case .event(let event, let stream):
            guard let runner = runner(of: stream) else { return [] }
            return handle(event, from: runner)
        case .adapterUnavailable(let reason, let stream):
            guard let runner = runner(of: stream) else { return [] }
            let error = EngineError.backend(
                "runners cannot have the adapter: \(reason); adapters reach them by --publish of frontends and "
                    + "--adapter-origin of runners"
            )
            withoutAdapter += 1
            return withoutAdapter < Self.adapterLimit
                ? lose(runner, error, countsAgainstRequest: true) : end(.failed(error))
        case .broken(let reason, let stream, let wasAccepted):
            guard let runner = runner(of: stream) else { return [] }
            let error = EngineError.backend("the runner was lost: \(reason)")
            return lose(runner, error, countsAgainstRequest: wasAccepted)
        case .cancel:
            return end(.finished(.cancelled))
        }
    }

    /// nil for a stream that was left.
    private func runner(of stream: Int) -> RunnerID? {
        guard case .streaming(let runner, stream) = phase else { return nil }
        return runner
    }

    private mutating func place(on runner: RunnerID, address: String) -> [Action] {
        // A move may cross the word that the last token was the last; the next runner would generate another.
        if let reason = reasonToEnd { return end(.finished(reason)) }
        var actions: [Action] = []
        if case .streaming(let current, let stream) = phase {
            guard current != runner else { return [] }
            actions.append(.close(stream: stream))
        }
        streams += 1
        phase = .streaming(runner, stream: streams)
        lost = nil
        return actions + [.open(runner, address: address, stream: streams)]
    }

    private mutating func handle(_ event: GenerationEvent, from runner: RunnerID) -> [Action] {
        switch event {
        case .token(let token):
            // What was generated before a move comes again, if at all, with its old index.
            if token.index < tokens.count { return [] }
            guard token.index == tokens.count else {
                let gap = EngineError.backend("token \(token.index) came where \(tokens.count) was due")
                return lose(runner, gap, countsAgainstRequest: true)
            }
            tokens.append(token.id)
            fruitless = 0
            return [.deliver(event)]
        case .finished(.cancelled):
            // Nobody here asked for it: the runner is going away.
            return lose(runner, .stopped, countsAgainstRequest: false)
        case .finished:
            return end(event)
        case .failed(let error):
            return handle(error, from: runner)
        }
    }

    private mutating func handle(_ error: EngineError, from runner: RunnerID) -> [Action] {
        switch error {
        case .emptyPrompt, .tokenOutOfRange: end(.failed(error))
        // A resumed request whose context is full has ended where an undisturbed one would have.
        case .promptTooLong: end(tokens.isEmpty ? .failed(error) : .finished(.length))
        case .draining, .stopped, .queueFull: lose(runner, error, countsAgainstRequest: false)
        case .backend, .noRoom: lose(runner, error, countsAgainstRequest: true)
        }
    }

    private mutating func lose(
        _ runner: RunnerID,
        _ error: EngineError,
        countsAgainstRequest: Bool
    ) -> [Action] {
        // The last token came, only the word that it was the last did not.
        if let reason = reasonToEnd { return end(.finished(reason)) }
        if countsAgainstRequest { fruitless += 1 }
        guard fruitless < Self.fruitlessLimit else { return end(.failed(error)) }
        var actions: [Action] = []
        if case .streaming(_, let stream) = phase { actions.append(.close(stream: stream)) }
        phase = .waiting
        lost = runner
        attempt &+= 1
        return actions + [.ask]
    }

    /// Why the request has ended, though perhaps nobody has said so yet.
    private var reasonToEnd: FinishReason? {
        tokens.last.flatMap { stop.reason(toEndWith: $0, generatedCount: tokens.count) }
    }

    private mutating func end(_ event: GenerationEvent) -> [Action] {
        var actions: [Action] = []
        if case .streaming(_, let stream) = phase { actions.append(.close(stream: stream)) }
        phase = .ended
        return actions + [.deliver(event), .end]
    }
}
