import Adapters
import ChatTemplates
import Core
import Engine
import Foundation
import Frontend
import JSON
import Serving
import Synchronization
import Tokenization

/// What one way of answering all questions came to.
struct DemoOutcome: Sendable {
    var answers: [String]
    var tokens: Int
    var seconds: Double

    var tokensPerSecond: Double { Double(tokens) / seconds }
}

/// Asks the engine the demo's questions.
struct DemoShow: Sendable {
    let service: LocalService
    let questions: [DemoQuestion]
    private static let answerLimit = 64

    /// Answers all questions, in one batch or one after another.
    func run(together: Bool, screen: DemoScreen?) async throws -> DemoOutcome {
        let board = DemoBoard(count: questions.count)
        let requests = try await prepare()
        let start = ContinuousClock.now
        if together {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, request) in requests.enumerated() {
                    group.addTask { try await answer(number, request, board) }
                }
                if let screen { group.addTask { await screen.follow(board, since: start) } }
                try await group.waitForAll()
            }
        } else {
            for (number, request) in requests.enumerated() { try await answer(number, request, board) }
        }
        let state = board.state
        let end = state.lastToken ?? .now
        return DemoOutcome(answers: state.texts, tokens: state.tokens, seconds: (end - start) / .seconds(1))
    }

    private func prepare() async throws -> [GenerationRequest] {
        var requests: [GenerationRequest] = []
        var sampling = SamplingParameters()
        sampling.temperature = 0
        let model = service.frontend.model
        for question in questions {
            let message: JSONValue = ["role": "user", "content": .string(question.text)]
            let text =
                try model.template?.render(
                    messages: [message],
                    tools: nil,
                    addGenerationPrompt: true,
                    variables: model.templateVariables
                ) ?? question.text
            requests.append(
                GenerationRequest(
                    id: RequestID(UInt64.random(in: .min ... .max)),
                    prompt: model.tokenizer.encode(text, addSpecialTokens: model.template == nil),
                    adapter: try await service.adapters.lease(name: question.adapter),
                    sampling: sampling,
                    stop: StopConditions(maxTokens: Self.answerLimit, tokenIDs: model.limits.endOfSequenceIDs)
                )
            )
        }
        return requests
    }

    private func answer(_ number: Int, _ request: GenerationRequest, _ board: DemoBoard) async throws {
        defer { board.end(number) }
        var text = IncrementalDetokenizer(service.frontend.model.tokenizer, skipSpecialTokens: true)
        for await event in try service.engine.submit(request) {
            switch event {
            case .token(let token): board.add(text.append(token.id), to: number)
            case .finished: board.show(text.finish(), in: number)
            case .failed(let error): throw error
            }
        }
    }
}

/// The answers as they grow; written by one task for each question, read by the screen.
final class DemoBoard: Sendable {
    struct State: Sendable {
        var texts: [String]
        var tokens = 0
        var open: Int
        var lastToken: ContinuousClock.Instant?
    }

    private let box: Mutex<State>

    init(count: Int) { box = Mutex(State(texts: Array(repeating: "", count: count), open: count)) }

    var state: State { box.withLock { $0 } }

    func show(_ text: String, in number: Int) { box.withLock { $0.texts[number] += text } }

    /// Adds one token's text.
    func add(_ text: String, to number: Int) {
        box.withLock { state in
            state.texts[number] += text
            state.tokens += 1
            state.lastToken = .now
        }
    }

    func end(_ number: Int) { box.withLock { $0.open -= 1 } }
}
