import Engine
import Frontend
import FrontendFakes
import OpenAI
import Testing

private let body = #"{"model":"base","prompt":"x","max_tokens":90}"#

private func start(_ source: ScriptedSource, pendingLimit: Int = 4096) async throws -> (Frontend, Generation) {
    let frontend = try TestModel.frontend(source, pendingLimit: pendingLimit)
    return (frontend, try await frontend.complete(CompletionRequest(parsing: [UInt8](body.utf8))))
}

/// Waits until something holds; a test that hangs here has failed.
private func eventually(_ condition: () -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(600)
    while !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record("still not so after ten minutes")
            return
        }
        try await Task.sleep(for: .milliseconds(2))
    }
}

struct GenerationTests {
    @Test func `dropping a generation cancels the engine's request`() async throws {
        let source = ScriptedSource(.events([]))
        var running: (Frontend, Generation)? = try await start(source)
        try await eventually { source.openCount == 1 }
        #expect(running != nil)
        running = nil
        try await eventually { source.openCount == 0 }
        #expect(source.cancelled == [source.requests[0].id])
    }

    @Test func `cancelling ends the stream with one failure`() async throws {
        let source = ScriptedSource(.endless)
        let (frontend, generation) = try await start(source)
        var terminal: [GenerationUpdate] = []
        var seen = 0
        for await update in generation.updates {
            seen += 1
            if seen == 5 { generation.cancel() }
            if case .delta = update { continue }
            terminal.append(update)
        }
        #expect(terminal == [.failed(.cancelled)])
        #expect(source.cancelled.count == 1)
        #expect(frontend.metrics.snapshot.ended == [.cancelled: 1])
        #expect(frontend.metrics.snapshot.active == 0)
    }

    @Test func `a reader that stalls is cut off at the limit`() async throws {
        let source = ScriptedSource(.endless)
        let (_, generation) = try await start(source, pendingLimit: 8)
        try await eventually { source.openCount == 0 }
        var shown = 0
        var terminal: [GenerationUpdate] = []
        for await update in generation.updates {
            if case .delta = update { shown += 1 } else { terminal.append(update) }
        }
        // The piece that was one too many is there, and after it the reason.
        #expect(shown == 9)
        #expect(terminal == [.failed(.readerTooSlow(limit: 8))])
    }

    @Test(arguments: [(4, false), (5, true), (6, true)])
    func `an answer that fills its buffer exactly is whole`(limit: Int, fits: Bool) async throws {
        // Four pieces of text and one that says why it ended.
        let (frontend, generation) = try await start(ScriptedSource(.text("abcd")), pendingLimit: limit)
        try await eventually { frontend.metrics.snapshot.active == 0 }
        if fits {
            #expect(try await generation.whole().choices[0].text == "abcd")
        } else {
            await #expect(throws: FrontendError.readerTooSlow(limit: limit)) { try await generation.whole() }
        }
    }

    @Test func `an answer that is collected says so when it was cut off`() async throws {
        let (_, generation) = try await start(ScriptedSource(.endless), pendingLimit: 1)
        try await Task.sleep(for: .milliseconds(50))
        await #expect(throws: FrontendError.readerTooSlow(limit: 1)) { try await generation.whole() }
    }

    @Test func `every sequence is counted once`() async throws {
        let (frontend, generation) = try await start(ScriptedSource(.text("abc")))
        _ = try await generation.whole()
        let metrics = frontend.metrics.snapshot
        #expect(metrics.ended == [.length: 1])
        #expect(metrics.active == 0)
        #expect(metrics.promptTokens == 1)
        #expect(metrics.generatedTokens == 3)
        #expect(metrics.firstToken.count == 1)
        #expect(metrics.interToken.count == 2)
        #expect(metrics.wholeRequest.count == 1)
    }
}
