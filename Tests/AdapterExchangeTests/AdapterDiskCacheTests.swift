import Core
import Foundation
import Synchronization
import Testing

@testable import AdapterExchange

struct AdapterDiskCacheTests {
    private let directory: TemporaryDirectory
    private let origin = FakeOrigin()
    private var root: String { directory.path + "/cache" }

    init() throws { directory = try TemporaryDirectory() }

    private func cache(budgetBytes: Int = 100) throws -> AdapterDiskCache {
        try AdapterDiskCache(root: root, budgetBytes: budgetBytes, origin: origin)
    }

    /// What lies in the cache's directory beside its lock.
    private var names: Set<String> {
        get throws { Set(try FileManager.default.contentsOfDirectory(atPath: root)).subtracting([".lock"]) }
    }

    private func names(_ numbers: Int...) -> Set<String> { Set(numbers.map { AdapterDigest.number($0).hex }) }

    @Test func `an adapter is fetched once and then found`() async throws {
        origin.offer(.number(1), byteCount: 40)
        let cache = try cache()
        let path = try await cache.directory(for: .number(1))
        #expect(path == root + "/" + AdapterDigest.number(1).hex)
        #expect(try await cache.directory(for: .number(1)) == path)
        #expect(origin.fetches.count == 1)
        #expect(await cache.usedBytes == 40)
        #expect(try names == names(1))
    }

    @Test func `those who wait for one adapter share one fetch`() async throws {
        origin.offer(.number(1), byteCount: 40)
        let gate = Gate()
        origin.state.withLock { $0.gate = gate }
        let cache = try cache()
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<20 { group.addTask { try await cache.directory(for: .number(1)) } }
            try await Task.sleep(for: .milliseconds(50))
            gate.open()
            for try await path in group { #expect(path.hasSuffix(AdapterDigest.number(1).hex)) }
        }
        #expect(origin.fetches.count == 1)
    }

    @Test func `a failure is told to all who wait, leaves nothing, and does not last`() async throws {
        origin.offer(.number(1), byteCount: 40)
        let failure = AdapterExchangeError.unreachable(url: "u", reason: "r")
        let gate = Gate()
        origin.state.withLock { ($0.failure, $0.gate) = (failure, gate) }
        let cache = try cache()
        await withTaskGroup { group in
            for _ in 0..<5 {
                group.addTask {
                    await #expect(throws: failure) { _ = try await cache.directory(for: .number(1)) }
                }
            }
            try? await Task.sleep(for: .milliseconds(50))
            gate.open()
        }
        #expect(origin.fetches.count == 1)
        #expect(try names.isEmpty)
        _ = try await cache.directory(for: .number(1))
        #expect(try names == names(1))
    }

    @Test func `the one unused longest makes room`() async throws {
        for number in 1...4 { origin.offer(.number(number), byteCount: 40) }
        let cache = try cache()
        for number in [1, 2, 1, 3] { _ = try await cache.directory(for: .number(number)) }
        #expect(try names == names(1, 3))
        #expect(await cache.usedBytes == 80)
    }

    @Test func `what is held stays, and what then does not fit is refused`() async throws {
        for number in 1...3 { origin.offer(.number(number), byteCount: 40) }
        let cache = try cache()
        try await cache.withDirectory(for: .number(1)) { _ in
            _ = try? await cache.directory(for: .number(2))
            _ = try? await cache.directory(for: .number(3))
            #expect(await cache.contains(.number(1)))
            #expect(await !cache.contains(.number(2)))
            origin.offer(.number(4), byteCount: 61)
            await #expect(throws: AdapterExchangeError.cacheFull(needed: 61, available: 60)) {
                _ = try await cache.directory(for: .number(4))
            }
        }
        #expect(try names == names(1, 3))
        _ = try await cache.directory(for: .number(4))
        #expect(try names == names(4))
    }

    @Test func `a new process finds what an earlier one left, in its order of use`() async throws {
        for number in 1...3 { origin.offer(.number(number), byteCount: 40) }
        do {
            let cache = try cache()
            for number in [1, 2, 1] {
                _ = try await cache.directory(for: .number(number))
                try await Task.sleep(for: .milliseconds(15))
            }
        }
        // A fetch that was cut off, an adapter that lost a file, and something of somebody else's.
        for name in [".partial-7-abc", AdapterDigest.number(9).hex, "notes"] {
            try FileManager.default.createDirectory(atPath: root + "/" + name, withIntermediateDirectories: false)
            try Data("x".utf8).write(to: URL(fileURLWithPath: root + "/\(name)/adapter_config.json"))
        }
        let cache = try cache()
        #expect(await cache.usedBytes == 80)
        #expect(try names == names(1, 2).union(["notes"]))
        _ = try await cache.directory(for: .number(3))
        #expect(try names == names(1, 3).union(["notes"]))
        #expect(origin.fetches.count == 3)
    }

    @Test func `a smaller budget keeps what was used last`() async throws {
        for number in 1...2 { origin.offer(.number(number), byteCount: 40) }
        do {
            let cache = try cache()
            _ = try await cache.directory(for: .number(1))
            try await Task.sleep(for: .milliseconds(15))
            _ = try await cache.directory(for: .number(2))
        }
        let cache = try cache(budgetBytes: 50)
        #expect(await cache.usedBytes == 40)
        #expect(try names == names(2))
    }

    @Test func `a directory is free again though a child of this process still has its lock's descriptor`() throws {
        var copy: Int32 = -1
        do {
            let first = try cache()
            let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }
            let lock = open.first { descriptor in
                let path = "/proc/self/fd/\(descriptor)"
                return (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) == root + "/.lock"
            }
            copy = dup(try #require(lock))
            withExtendedLifetime(first) {}
        }
        defer { close(copy) }
        _ = try cache()
    }

    @Test func `two caches cannot share a directory`() async throws {
        let first = try cache()
        #expect(throws: AdapterExchangeError.cacheInUse(path: root)) { try cache() }
        withExtendedLifetime(first) {}
    }

    @Test func `an origin that leaves a file out or puts a link in is refused`() async throws {
        struct Careless: AdapterOrigin {
            func fetch(_ digest: AdapterDigest, into directory: String) async throws(AdapterExchangeError) {
                _ = try AdapterFileWriter(directory: directory, file: .configuration, limit: 1)
                let path = directory + "/" + AdapterFile.tensors.rawValue
                try? FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/etc/passwd")
            }
        }
        let cache = try AdapterDiskCache(root: root, budgetBytes: 100_000, origin: Careless())
        await #expect(throws: AdapterExchangeError.self) { _ = try await cache.directory(for: .number(1)) }
        #expect(try names.isEmpty)
    }

    @Test(arguments: [false, true]) func `any order of uses keeps the books`(removes: Bool) async throws {
        for number in 0..<6 { origin.offer(.number(number), byteCount: 10 + number * 10) }
        let cache = try cache()
        await withTaskGroup { group in
            for task in 0..<4 {
                group.addTask {
                    var state = UInt64(task + 1)
                    for _ in 0..<200 {
                        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                        let digest = AdapterDigest.number(Int(state >> 33) % 6)
                        switch state >> 60 {
                        case 0 where removes: await cache.remove(digest)
                        case 1...8:
                            // Others may hold too much for this one to fit.
                            _ = try? await cache.withDirectory(for: digest) { path in
                                let isThere = FileManager.default.fileExists(atPath: path + "/adapter_config.json")
                                #expect(isThere || removes)
                            }
                        default: _ = try? await cache.directory(for: digest)
                        }
                        await cache.checkInvariants()
                    }
                }
            }
        }
        let present = try names
        #expect(
            await cache.usedBytes
                == present.reduce(0) { sum, name in
                    sum + (0..<6).filter { AdapterDigest.number($0).hex == name }.reduce(0) { $0 + 10 + $1 * 10 }
                }
        )
    }
}
