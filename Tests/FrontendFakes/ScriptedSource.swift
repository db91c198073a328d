package import Core
package import Engine
import Frontend
import Synchronization

/// A token source that says what it is told to, and remembers what it was asked.
package final class ScriptedSource: TokenSource {
    /// What a request is answered with.
    package enum Script: Sendable {
        /// These tokens, then the end. Stops early at the request's own stop ids and length, as an engine does.
        case text(String, then: GenerationEvent = .finished(.length))
        /// These events exactly; the stream stays open unless one is terminal.
        case events([GenerationEvent])
        case refusal(EngineError)
        /// Tokens for ever, as fast as they are read or dropped.
        case endless
    }

    private struct State {
        var scripts: [Script]
        var requests: [GenerationRequest] = []
        var cancelled: Set<RequestID> = []
        var statistics = EngineStatistics()
        var open: [RequestID: EventSender] = [:]
    }

    private let state: Mutex<State>

    /// - Parameter scripts: for the requests in their order; the last is used again.
    package init(_ scripts: Script...) { state = Mutex(State(scripts: scripts)) }

    package var requests: [GenerationRequest] { state.withLock { $0.requests } }
    package var cancelled: Set<RequestID> { state.withLock { $0.cancelled } }
    package var openCount: Int { state.withLock { $0.open.count } }
    package var statistics: EngineStatistics {
        get { state.withLock { $0.statistics } }
        set { state.withLock { $0.statistics = newValue } }
    }

    package func submit(_ request: GenerationRequest) throws(EngineError) -> GenerationEvents {
        let script = state.withLock { state in
            state.requests.append(request)
            return state.scripts.count > 1 ? state.scripts.removeFirst() : state.scripts[0]
        }
        let (events, sender) = GenerationEvents.make()
        state.withLock { $0.open[request.id] = sender }
        sender.onCancel { [weak self] in self?.cancel(request.id) }
        switch script {
        case .text(let text, let end): Self.play(text, end, request, sender)
        case .events(let list):
            for event in list { sender.send(event) }
        case .refusal(let error): throw error
        case .endless: Task.detached { await Self.playForEver(sender) }
        }
        return events
    }

    package func cancel(_ id: RequestID) {
        let sender = state.withLock { state in
            state.cancelled.insert(id)
            return state.open.removeValue(forKey: id)
        }
        sender?.send(.finished(.cancelled))
    }

    /// One token for each byte, as the tests' tokenizer has it.
    private static func play(
        _ text: String,
        _ end: GenerationEvent,
        _ request: GenerationRequest,
        _ sender: EventSender
    ) {
        for (index, byte) in text.utf8.enumerated() {
            let token = TestModel.token(byte)
            sender.send(.token(GeneratedToken(index: index, id: token, logprob: -0.5, top: [])))
            if request.stop.tokenIDs.contains(token) {
                sender.send(.finished(.stop(token)))
                return
            }
            if index + 1 == request.stop.maxTokens {
                sender.send(.finished(.length))
                return
            }
        }
        sender.send(end)
    }

    private static func playForEver(_ sender: EventSender) async {
        var index = 0
        while true {
            let token = GeneratedToken(index: index, id: TestModel.token(UInt8(ascii: "x")))
            if !sender.send(.token(token)) { return }
            index += 1
            await Task.yield()
        }
    }
}
