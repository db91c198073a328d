import Core
import Engine
import Frontend
import FrontendFakes
import JSON
import OpenAI
import TestSupport
import Testing

private func request(_ members: JSONObject) throws -> CompletionRequest {
    var body: JSONObject = ["model": "base", "prompt": "x"]
    for (name, value) in members { body[name] = value }
    return try CompletionRequest(parsing: JSONValue.object(body).encodedBytes())
}

/// Many small cases over tiny alphabets, with fixed seeds.
struct RandomAnswerTests {
    @Test func `an answer is cut where the first stop string is complete, however it is split into tokens`()
        async throws
    {
        var random = SplitMix(seed: 5)
        var cutCount = 0
        for _ in 0..<300 {
            let text = random.text("abé🚀", length: 1...14)
            let stops = (0...random.next(below: 3)).map { _ in random.text("abé🚀", length: 1...3) }
            let source = ScriptedSource(.text(text, then: .finished(.length)))
            let options: JSONObject = ["stop": .array(stops.map { .string($0) }), "max_tokens": 90]
            let (choices, _) = try await TestModel.frontend(source).complete(request(options)).whole()
            let allowed = Self.cuts(of: text, at: stops)
            #expect(allowed.contains(choices[0].text), "\(text) at \(stops)")
            #expect((choices[0].end == .length) == (allowed == [text]), "\(text) at \(stops)")
            cutCount += allowed == [text] ? 0 : 1
        }
        #expect(cutCount > 50 && cutCount < 290)
    }

    @Test func `whatever happens to it, each of many requests ends once and leaves nothing behind`() async throws {
        let token = GenerationEvent.token(GeneratedToken(index: 0, id: TestModel.token(65)))
        let scripts: [ScriptedSource.Script] = [
            .text("hello"), .events([token]), .events([token, .failed(.backend("lost"))]), .endless,
            .events([.finished(.cancelled)]),
        ]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<100 {
                group.addTask {
                    var random = SplitMix(seed: UInt64(number))
                    let source = ScriptedSource(scripts[random.next(below: scripts.count)])
                    let frontend = try TestModel.frontend(source, pendingLimit: 1 + random.next(below: 50))
                    let generation = try await frontend.complete(request(["n": 2, "max_tokens": 90]))
                    let patience = random.next(below: 20)
                    var terminal = 0
                    let impatience = Task {
                        try? await Task.sleep(for: .milliseconds(patience))
                        generation.cancel()
                    }
                    for await update in generation.updates {
                        if case .delta = update { continue }
                        terminal += 1
                    }
                    await impatience.value
                    #expect(terminal == 1)
                    let metrics = frontend.metrics.snapshot
                    #expect(metrics.active == 0)
                    #expect(metrics.ended.values.reduce(0, +) == 2)
                    #expect(metrics.wholeRequest.count == 2)
                }
            }
            try await group.waitForAll()
        }
    }

    /// The text before each of the stops that are complete first; the whole text if none is.
    private static func cuts(of text: String, at stops: [String]) -> Set<String> {
        let characters = Array(text)
        for end in 1...characters.count {
            let complete = stops.filter { String(characters[..<end]).hasSuffix($0) }
            if !complete.isEmpty { return Set(complete.map { String(characters[..<(end - $0.count)]) }) }
        }
        return [text]
    }
}

extension SplitMix {
    fileprivate mutating func text(_ alphabet: String, length: ClosedRange<Int>) -> String {
        let characters = Array(alphabet)
        let count = length.lowerBound + next(below: length.count)
        return String((0..<count).map { _ in characters[next(below: characters.count)] })
    }
}
