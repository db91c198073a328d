import Adapters
import Core
import Foundation
import Testing

@testable import AdapterExchange

struct ExchangedAdaptersTests {
    private let directory: TemporaryDirectory
    private let origin = FakeOrigin()
    private let cache: AdapterDiskCache
    private let store: AdapterStore
    private let adapters: ExchangedAdapters

    init() throws {
        directory = try TemporaryDirectory()
        cache = try AdapterDiskCache(root: directory.path, budgetBytes: 1_000, origin: origin)
        store = try readingStore(budgetBytes: 20)
        adapters = ExchangedAdapters(cache: cache, store: store)
    }

    @Test func `an adapter is fetched, verified and leased under its digest`() async throws {
        origin.offer(.number(1), as: .number(1))
        let lease = try await adapters.lease(.number(1))
        #expect(lease.adapter.digest == .number(1))
        #expect(lease.name == AdapterDigest.number(1).hex)
        _ = try await adapters.lease(.number(1))
        #expect(origin.fetches.count == 1)
        #expect(store.statistics.loads == 1)
    }

    @Test func `many who ask at once share one fetch and one read`() async throws {
        origin.offer(.number(1), as: .number(1))
        try await withThrowingTaskGroup(of: AdapterDigest.self) { group in
            for _ in 0..<20 { group.addTask { try await adapters.lease(.number(1)).adapter.digest } }
            for try await digest in group { #expect(digest == .number(1)) }
        }
        #expect(origin.fetches.count == 1)
        #expect(store.statistics.loads == 1)
    }

    @Test func `a forged directory is refused and removed everywhere`() async throws {
        origin.offer(.number(1), as: .number(2))
        await #expect(throws: AdapterExchangeError.forged(digest: .number(1), found: .number(2))) {
            _ = try await adapters.lease(.number(1))
        }
        #expect(await !cache.contains(.number(1)))
        #expect(store.describe(name: AdapterDigest.number(1).hex) == nil)
        #expect(store.statistics.residentCount == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == [".lock"])
        // The right one is taken when it comes.
        origin.offer(.number(1), as: .number(1))
        #expect(try await adapters.lease(.number(1)).adapter.digest == .number(1))
    }

    @Test(arguments: ["not an adapter", AdapterDigest.number(2).hex])
    func `what was damaged in the cache is fetched again`(content: String) async throws {
        origin.offer(.number(1), as: .number(1))
        let path = try await cache.directory(for: .number(1)) + "/" + AdapterFile.tensors.rawValue
        try Data(content.utf8).write(to: URL(fileURLWithPath: path))
        #expect(try await adapters.lease(.number(1)).adapter.digest == .number(1))
        #expect(origin.fetches.count == 2)
    }

    @Test func `what the disk lost is served from memory, and what memory lost from the disk`() async throws {
        for number in 1...3 { origin.offer(.number(number), as: .number(number)) }
        _ = try await adapters.lease(.number(1))
        await cache.remove(.number(1))
        #expect(try await adapters.lease(.number(1)).adapter.digest == .number(1))
        #expect(origin.fetches.count == 1)
        // The store holds two: the first must leave it, and is on no disk of ours any more.
        do {
            let held = [try await adapters.lease(.number(2)), try await adapters.lease(.number(3))]
            #expect(store.describe(name: AdapterDigest.number(1).hex)?.tier == .disk)
            withExtendedLifetime(held) {}
        }
        _ = try await adapters.lease(.number(1))
        // The other two are still on the disk.
        for number in [2, 3] { _ = try await adapters.lease(.number(number)) }
        #expect(origin.fetches == [.number(1), .number(2), .number(3), .number(1)])
    }

    @Test func `too little host memory blames nobody's content`() async throws {
        for number in 1...3 { origin.offer(.number(number), as: .number(number)) }
        let leases = [try await adapters.lease(.number(1)), try await adapters.lease(.number(2))]
        await #expect(throws: AdapterExchangeError.self) { _ = try await adapters.lease(.number(3)) }
        #expect(await cache.contains(.number(3)))
        withExtendedLifetime(leases) {}
    }
}
