import Adapters
import Engine
import Foundation
import Serving
import Testing

/// Adapters that come, change and go while requests for them run.
@Suite struct AdapterLifecycles {
    private let sentence = "The old sailor found a golden key near the river."
    private func path(_ adapter: String) -> String { ServedDemo.directory + "/adapters/" + adapter }

    @Test func `an adapter unloaded while its request waits still serves it, once`() async throws {
        let service = try await ServedDemo.start(adapters: false) { $0.maxSequences = 1 }
        _ = try await service.adapters.register(name: "mine", directory: path("shout"))
        let expected = try await service.ask(sentence, adapter: "mine")
        // One place: all but the first are waiting when the name goes.
        var requests: [GenerationRequest] = []
        for _ in 0..<6 { requests.append(try await service.request(sentence, adapter: "mine")) }
        try await withThrowingTaskGroup(of: (text: String, ends: Int).self) { group in
            for request in requests { group.addTask { try await service.answer(request) } }
            try service.adapters.unregister(name: "mine")
            for try await answer in group {
                #expect(answer.text == expected)
                #expect(answer.ends == 1)
            }
        }
        await #expect(throws: AdapterError.self) { try await service.adapters.lease(name: "mine") }
        requests = []
        await service.engine.drain()
        #expect(service.adapters.statistics.residentBytes == 0)
        await service.engine.stop()
    }

    @Test func `a replaced adapter never answers from its predecessor's cached prefix`() async throws {
        let service = try await ServedDemo.start()
        let (first, second) = (
            try await service.ask(sentence, adapter: "shout"), try await service.ask(sentence, adapter: "reverse")
        )
        #expect(first != second)
        _ = try await service.adapters.register(name: "mine", directory: path("shout"))
        #expect(try await service.ask(sentence, adapter: "mine") == first)
        let running = try await service.request(sentence, adapter: "mine")
        _ = try await service.adapters.register(name: "mine", directory: path("reverse"), replacing: .always)
        #expect(try await service.ask(sentence, adapter: "mine") == second)
        // The request began before and keeps the version it began with.
        #expect(try await service.answer(running).text == first)
        await service.engine.stop()
    }

    @Test func `after a replacement no request reads the disk again`() async throws {
        let service = try await ServedDemo.start(adapters: false)
        _ = try await service.adapters.register(name: "mine", directory: path("shout"))
        _ = try await service.adapters.register(name: "mine", directory: path("reverse"), replacing: .always)
        let loads = service.adapters.statistics.loads
        for _ in 0..<10 { _ = try await service.ask(sentence, adapter: "mine") }
        #expect(service.adapters.statistics.loads == loads)
        await service.engine.stop()
    }

    @Test func `an adapter loads while others go on`() async throws {
        let service = try await ServedDemo.start()
        let expected = try await service.ask(sentence, adapter: "pirate")
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<20 { group.addTask { try await service.ask(sentence, adapter: "pirate") } }
            for number in 0..<10 {
                _ = try await service.adapters.register(name: "copy-\(number)", directory: path("spanish"))
            }
            for try await answer in group { #expect(answer == expected) }
        }
        await service.engine.stop()
    }
}
