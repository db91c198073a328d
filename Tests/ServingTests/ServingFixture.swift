import Adapters
import ChatTemplates
import Core
import Engine
import Foundation
import Frontend
import JSON
import Serving
import Tokenization

/// The bundled demo, served in this process.
enum ServedDemo {
    static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Demo").path

    static func start(adapters: Bool = true, _ change: (inout LocalServiceOptions) -> Void = { _ in }) async throws
        -> LocalService
    {
        var options = LocalServiceOptions()
        options.servedNames = ["base"]
        options.kvCacheBytes = 64 << 20
        options.maxWaiting = 10_000
        change(&options)
        let service = try await LocalService.start(model: directory + "/base", options: options)
        guard adapters else { return service }
        for (_, outcome) in try await service.adapters.registerAll(in: directory + "/adapters") {
            _ = try outcome.get()
        }
        return service
    }
}

extension LocalService {
    /// A greedy request for an adapter, or for the base if `name` is nil, in the form of a chat.
    func request(_ text: String, adapter name: String?, maxTokens: Int = 64) async throws -> GenerationRequest {
        let model = frontend.model
        let rendered = try model.template?.render(
            messages: [["role": "user", "content": .string(text)]],
            tools: nil,
            addGenerationPrompt: true,
            variables: model.templateVariables
        )
        var sampling = SamplingParameters()
        sampling.temperature = 0
        var lease: AdapterLease?
        if let name { lease = try await adapters.lease(name: name) }
        return GenerationRequest(
            id: RequestID(UInt64.random(in: .min ... .max)),
            prompt: model.tokenizer.encode(rendered ?? text, addSpecialTokens: false),
            adapter: lease,
            sampling: sampling,
            stop: StopConditions(maxTokens: maxTokens, tokenIDs: model.limits.endOfSequenceIDs)
        )
    }

    /// The text of an answer, and how often it was told to have ended.
    func answer(_ request: GenerationRequest) async throws -> (text: String, ends: Int) {
        var ids: [TokenID] = []
        var ends = 0
        for await event in try engine.submit(request) {
            if case .token(let token) = event { ids.append(token.id) } else { ends += 1 }
        }
        return (frontend.model.tokenizer.decode(ids, skipSpecialTokens: true), ends)
    }

    func ask(_ text: String, adapter name: String?) async throws -> String {
        try await answer(request(text, adapter: name)).text
    }
}
