import Adapters
import Cluster
import ClusterProtocol
import Core
import Engine
import Synchronization

/// One request of this frontend: its course, its client's stream, and the stream that it has from a runner.
final class OpenRequest: Sendable {
    /// What its owner does for it.
    protocol Owner: AnyObject, Sendable {
        /// Runs a stream to its end, handing everything that comes of it to `request`.
        func follow(_ request: OpenRequest, on runner: RunnerID, address: String, stream: Int, generated: [TokenID])
            async
        func tell(_ message: FrontendMessage)
        func hasEnded(_ request: OpenRequest, with event: GenerationEvent)
    }

    private struct State {
        var course: RequestCourse
        var stream: Task<Void, Never>?
    }

    let request: GenerationRequest
    private let arrival = ContinuousClock.now
    private let events: EventSender
    private let owner: any Owner
    private let state: Mutex<State>

    init(_ request: GenerationRequest, events: EventSender, owner: any Owner) {
        self.request = request
        self.events = events
        self.owner = owner
        state = Mutex(State(course: RequestCourse(stop: request.stop)))
    }

    var isWaiting: Bool { state.withLock { $0.course.phase == .waiting } }

    /// The request as the scheduler is told of it; nil when it has ended.
    var query: PlacementQuery? {
        state.withLock { state in
            let whereabouts: PlacementQuery.Whereabouts
            switch state.course.phase {
            case .ended: return nil
            case .waiting: whereabouts = state.course.lost.map { .lost($0) } ?? .nowhere
            case .streaming(let runner, _): whereabouts = .on(runner)
            }
            let adapter = request.adapter?.adapter
            return PlacementQuery(
                request: request.id,
                attempt: state.course.attempt,
                adapter: adapter?.digest,
                rank: adapter?.maxRank ?? 0,
                adapterBytes: adapter?.byteCount ?? 0,
                promptTokens: request.prompt.count,
                generatedTokens: state.course.tokens.count,
                maxTokens: request.stop.maxTokens,
                age: ContinuousClock.now - arrival,
                whereabouts: whereabouts
            )
        }
    }

    /// Takes what happened, and does what follows from it.
    func handle(_ input: RequestCourse.Input) {
        var (asks, delivered, end) = (false, GenerationEvent?.none, GenerationEvent?.none)
        // Under the lock, so that tokens of two streams cannot overtake each other on their way to the client.
        state.withLock { state in
            for action in state.course.handle(input) {
                switch action {
                case .open(let runner, let address, let stream):
                    let generated = state.course.tokens
                    state.stream = Task { [self] in
                        await owner.follow(self, on: runner, address: address, stream: stream, generated: generated)
                    }
                case .close:
                    state.stream?.cancel()
                    state.stream = nil
                case .ask: asks = true
                case .deliver(let event):
                    events.send(event)
                    delivered = event
                case .end: end = delivered
                }
            }
        }
        // Outside of it: a new connection to the scheduler holds its own lock and asks for every request's state.
        if let end {
            owner.hasEnded(self, with: end)
            owner.tell(.ended(request.id))
        } else if asks, let query {
            owner.tell(.submit(query))
        }
    }
}
