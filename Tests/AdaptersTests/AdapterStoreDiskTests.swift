import Core
import Foundation
import Testing
import Weights

@testable import Adapters

/// The store over real files.
@Suite struct AdapterStoreDiskTests {
    let base: TinyBase
    let root: TemporaryDirectory

    init() throws {
        base = try TinyBase()
        root = try TemporaryDirectory()
    }

    private func write(_ name: String, seed: UInt64) throws {
        try PEFTDirectory(base: base, seed: seed).write(to: root.path + "/" + name)
    }

    private func store(budget: Int = 1 << 20, jailed: Bool = true) throws -> AdapterStore {
        try AdapterStore(
            model: base.model,
            base: base.checkpoint,
            budgetBytes: budget,
            root: jailed ? root.path : nil
        )
    }

    @Test func `all adapters of a directory are registered by name and bad ones reported`() async throws {
        for (index, name) in ["c", "a", "b"].enumerated() { try write(name, seed: UInt64(index)) }
        try write("broken", seed: 9)
        try Data("{".utf8).write(to: URL(fileURLWithPath: root.path + "/broken/adapter_config.json"))
        try write(".hidden", seed: 10)
        try FileManager.default.createDirectory(atPath: root.path + "/empty", withIntermediateDirectories: true)
        try Data().write(to: URL(fileURLWithPath: root.path + "/README.md"))
        let store = try store()
        let outcomes = try await store.registerAll(in: root.path)
        #expect(outcomes.map(\.name) == ["a", "b", "broken", "c"])
        #expect(store.list().map(\.name) == ["a", "b", "c"])
        guard case .failure(.file) = outcomes[2].result else { throw Unexpected() }
    }

    @Test func `more adapters than fit are all registered and all served`() async throws {
        for index in 0..<12 { try write("n\(index)", seed: UInt64(index)) }
        // Each takes 512 bytes.
        let store = try store(budget: 1_100)
        _ = try await store.registerAll(in: root.path)
        #expect(store.statistics.residentBytes == 1_024 && store.list().count == 12)
        for _ in 0..<3 {
            for description in store.list() {
                #expect(try await store.lease(name: description.name).adapter.digest == description.digest)
            }
        }
        store.checkInvariants()
    }

    @Test func `a directory replaced under a lease changes nothing until it is registered again`() async throws {
        try write("a", seed: 1)
        let store = try store()
        _ = try await store.register(name: "a", directory: "a")
        let lease = try await store.lease(name: "a")
        let before = lease.adapter.pair(layer: 0, .query)?.a.floats
        try write("a", seed: 2)
        #expect(lease.adapter.pair(layer: 0, .query)?.a.floats == before)
        #expect(try await store.lease(name: "a").adapter === lease.adapter)
        let replaced = try await store.register(name: "a", directory: "a", replacing: .always)
        #expect(replaced.digest != lease.adapter.digest)
    }

    @Test func `an evicted adapter whose directory changed is an error, not the new weights`() async throws {
        for index in 0..<3 { try write("n\(index)", seed: UInt64(index)) }
        let store = try store(budget: 1_100)
        _ = try await store.registerAll(in: root.path)
        let evicted = try #require(store.list().first { $0.tier == .disk })
        try write(evicted.name, seed: 77)
        let error = await #expect(throws: AdapterError.self) { try await store.lease(name: evicted.name) }
        guard case .digestMismatch(_, evicted.digest, let found)? = error else { throw Unexpected() }
        #expect(found != evicted.digest)
    }

    @Test func `paths outside the root are refused whichever way they lead there`() async throws {
        let outside = try TemporaryDirectory()
        try PEFTDirectory(base: base).write(to: outside.path)
        try write("a", seed: 1)
        let files = FileManager.default
        try files.createSymbolicLink(atPath: root.path + "/link", withDestinationPath: outside.path)
        try files.createDirectory(atPath: root.path + "/files", withIntermediateDirectories: true)
        for name in ["adapter_config.json", "adapter_model.safetensors"] {
            let link = root.path + "/files/" + name
            try files.createSymbolicLink(atPath: link, withDestinationPath: outside.path + "/" + name)
        }
        let store = try store()
        for path in [
            outside.path, root.path + "/link", "link", "../\(outside.path.split(separator: "/").last ?? "")", "files",
        ] {
            let error = await #expect(throws: AdapterError.self) {
                try await store.register(name: "x", directory: path)
            }
            guard case .outsideRoot? = error else { throw Unexpected() }
        }
        for path in ["absent", "a\u{0}b", "", "a/../absent"] {
            await #expect(throws: AdapterError.self) { try await store.register(name: "x", directory: path) }
        }
        _ = try await store.register(name: "x", directory: "../\(root.path.split(separator: "/").last ?? "")/a")
        _ = try await self.store(jailed: false).register(name: "x", directory: outside.path)
    }

    @Test func `a root that is not there is an error`() {
        #expect(throws: AdapterError.self) {
            try AdapterStore(model: base.model, base: base.checkpoint, budgetBytes: 1, root: root.path + "/none")
        }
    }
}
