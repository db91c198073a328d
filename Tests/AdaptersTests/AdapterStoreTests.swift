import Core
import Foundation
import Testing

@testable import Adapters

@Suite struct AdapterStoreTests {
    let disk: FakeDisk

    init() throws { disk = try FakeDisk() }

    private func digests(_ store: AdapterStore) -> [String: AdapterDigest] {
        Dictionary(uniqueKeysWithValues: store.list().map { ($0.name, $0.digest) })
    }

    @Test func `a registered adapter is leased from memory`() async throws {
        let store = try disk.store(budget: 100)
        let description = try await store.register(name: "a", directory: disk.path(2))
        #expect(description.digest == FakeDisk.digest(2) && description.tier == .host && description.byteCount == 30)
        #expect(description.rank == 2 && description.targetModules == ["q_proj"])
        #expect(description.directory == disk.path(2))
        let lease = try await store.lease(name: "a")
        #expect(lease.name == "a" && lease.adapter.digest == FakeDisk.digest(2))
        #expect(store.describe(name: "a")?.leases == 1)
        let statistics = store.statistics
        #expect(statistics.hits == 1 && statistics.misses == 0 && statistics.loads == 1 && disk.reads == 1)
        #expect(statistics.residentBytes == 30 && statistics.nameCount == 1 && statistics.residentCount == 1)
        withExtendedLifetime(lease) {}
        store.checkInvariants()
    }

    @Test func `a content is leased under whichever name it has`() async throws {
        let store = try disk.store(budget: 100)
        _ = try await store.register(name: "b", directory: disk.path(2))
        _ = try await store.register(name: "a", directory: disk.path(2))
        #expect(try await store.lease(digest: FakeDisk.digest(2)).name == "a")
        // The name moves on, and back; the content stays under the other.
        _ = try await store.register(name: "a", directory: disk.path(3), replacing: .always)
        #expect(try await store.lease(digest: FakeDisk.digest(2)).name == "b")
        _ = try await store.register(name: "b", directory: disk.path(2), replacing: .always)
        store.checkInvariants()
        #expect(try await store.lease(digest: FakeDisk.digest(2)).name == "b")
        try store.unregister(name: "b")
        await #expect(throws: AdapterError.unknownAdapter(name: FakeDisk.digest(2).hex)) {
            try await store.lease(digest: FakeDisk.digest(2))
        }
        store.checkInvariants()
    }

    @Test func `the busiest names come first, and the rest are counted`() async throws {
        let store = try disk.store(budget: 80)
        for (number, name) in ["a", "b", "c", "d"].enumerated() {
            _ = try await store.register(name: name, directory: disk.path(number + 1))
        }
        let lease = try await store.lease(name: "c")
        _ = try await store.lease(name: "b")
        let (busiest, total) = store.busiest(2)
        #expect(total == 4)
        #expect(busiest.map(\.name) == ["c", "b"])
        #expect(busiest.map(\.leases) == [1, 0])
        // Four take 100 bytes; which of the two that nobody uses is gone depends on when loads ended.
        let tiers = store.busiest(9).adapters.map(\.tier)
        #expect(tiers.prefix(2) == [.host, .host])
        #expect(tiers.count == 4 && tiers.contains(.disk))
        #expect(store.busiest(0).adapters.isEmpty)
        withExtendedLifetime(lease) {}
    }

    @Test func `an unknown name is an error and never the base`() async throws {
        let store = try disk.store(budget: 100)
        await #expect(throws: AdapterError.unknownAdapter(name: "a")) { try await store.lease(name: "a") }
        #expect(throws: AdapterError.unknownAdapter(name: "a")) { try store.unregister(name: "a") }
        #expect(throws: AdapterError.unknownAdapter(name: "a")) { try store.unpin(name: "a") }
        await #expect(throws: AdapterError.unknownAdapter(name: "a")) { try await store.pin(name: "a") }
        #expect(disk.reads == 0)
    }

    @Test func `identical content under two names is kept once`() async throws {
        let store = try disk.store(budget: 100)
        disk[1] = 7
        disk[2] = 7
        _ = try await store.register(name: "a", directory: disk.path(1))
        _ = try await store.register(name: "b", directory: disk.path(2))
        #expect(store.statistics.residentBytes == FakeDisk.byteCount(7) && store.statistics.residentCount == 1)
        let (one, two) = (try await store.lease(name: "a"), try await store.lease(name: "b"))
        #expect(one.adapter === two.adapter)
        try store.unregister(name: "a")
        #expect(try await store.lease(name: "b").adapter === one.adapter)
        store.checkInvariants()
    }

    @Test func `what is evicted stays registered and is read again`() async throws {
        let store = try disk.store(budget: 60)
        for index in [1, 2] { _ = try await store.register(name: "n\(index)", directory: disk.path(index)) }
        _ = try await store.register(name: "n5", directory: disk.path(5))
        // Which of the two depends on how long their loads took.
        let gone = try #require([1, 2].first { store.describe(name: "n\($0)")?.tier == .disk })
        #expect(store.describe(name: "n\(gone)")?.evictions == 1)
        #expect(store.describe(name: "n\(3 - gone)")?.tier == .host)
        let lease = try await store.lease(name: "n\(gone)")
        #expect(lease.adapter.digest == FakeDisk.digest(gone))
        #expect(store.describe(name: "n\(gone)")?.loads == 2 && store.statistics.misses == 1)
        #expect(store.statistics.evictions == 2 && store.statistics.residentBytes <= 60)
        store.checkInvariants()
    }

    @Test func `what is pinned or leased is never evicted`() async throws {
        let store = try disk.store(budget: 60)
        _ = try await store.register(name: "pinned", directory: disk.path(1), pinned: true)
        _ = try await store.register(name: "leased", directory: disk.path(2))
        let lease = try await store.lease(name: "leased")
        // 10 of 60 bytes are free, 30 and 20 are held.
        let refusal = AdapterError.budgetExceeded(needed: 40, available: 10)
        await #expect(throws: refusal) {
            try await store.register(name: "large", directory: disk.path(3), pinned: true)
        }
        #expect(store.describe(name: "large") == nil)
        let unpinned = try await store.register(name: "large", directory: disk.path(3))
        #expect(unpinned.tier == .disk)
        await #expect(throws: refusal) { try await store.lease(name: "large") }
        #expect(store.describe(name: "pinned")?.tier == .host && store.describe(name: "leased")?.tier == .host)
        try store.unpin(name: "pinned")
        withExtendedLifetime(lease) {}
        store.checkInvariants()
    }

    @Test func `an adapter larger than the budget is refused`() async throws {
        let store = try disk.store(budget: 35)
        await #expect(throws: AdapterError.budgetExceeded(needed: 40, available: 35)) {
            try await store.register(name: "a", directory: disk.path(3))
        }
        #expect(store.list().isEmpty && store.statistics.residentBytes == 0)
    }

    @Test func `replacing is atomic and running leases keep their version`() async throws {
        let store = try disk.store(budget: 100)
        _ = try await store.register(name: "a", directory: disk.path(1))
        let old = try await store.lease(name: "a")
        _ = try await store.register(name: "a", directory: disk.path(2), replacing: .always)
        let new = try await store.lease(name: "a")
        #expect(old.adapter.digest == FakeDisk.digest(1) && new.adapter.digest == FakeDisk.digest(2))
        #expect(store.statistics.residentBytes == 50)
        store.checkInvariants()
    }

    @Test func `a replaced version is freed with its last lease`() async throws {
        let store = try disk.store(budget: 100)
        _ = try await store.register(name: "a", directory: disk.path(1))
        var old: AdapterLease? = try await store.lease(name: "a")
        _ = try await store.register(name: "a", directory: disk.path(2), replacing: .always)
        #expect(disk.aliveCount == 2)
        withExtendedLifetime(old) {}
        old = nil
        #expect(disk.aliveCount == 1 && store.statistics.residentBytes == 30)
        store.checkInvariants()
    }

    @Test func `a name unregistered while leased vanishes at once and its bytes later`() async throws {
        let store = try disk.store(budget: 100)
        _ = try await store.register(name: "a", directory: disk.path(1), pinned: true)
        var lease: AdapterLease? = try await store.lease(name: "a")
        try store.unregister(name: "a")
        #expect(store.list().isEmpty)
        await #expect(throws: AdapterError.unknownAdapter(name: "a")) { try await store.lease(name: "a") }
        #expect(store.statistics.residentBytes == 20 && lease?.adapter.digest == FakeDisk.digest(1))
        lease = nil
        #expect(store.statistics.residentBytes == 0 && store.statistics.leaseCount == 0 && disk.aliveCount == 0)
        store.checkInvariants()
    }

    @Test func `register compares before it swaps`() async throws {
        let store = try disk.store(budget: 100)
        let (one, two) = (FakeDisk.digest(1), FakeDisk.digest(2))
        await #expect(throws: AdapterError.conflict(name: "a", expected: one, found: nil)) {
            try await store.register(name: "a", directory: disk.path(2), replacing: .expecting(one))
        }
        _ = try await store.register(name: "a", directory: disk.path(1), replacing: .ifAbsent)
        await #expect(throws: AdapterError.nameTaken(name: "a", digest: one)) {
            try await store.register(name: "a", directory: disk.path(2), replacing: .ifAbsent)
        }
        #expect(disk.reads == 1, "a refusal that is known beforehand reads nothing")
        _ = try await store.register(name: "a", directory: disk.path(2), replacing: .expecting(one))
        await #expect(throws: AdapterError.conflict(name: "a", expected: one, found: two)) {
            try await store.register(name: "a", directory: disk.path(3), replacing: .expecting(one))
        }
        #expect(digests(store) == ["a": two])
    }

    @Test func `of many concurrent swaps exactly one wins`() async throws {
        let store = try disk.store(budget: 100)
        _ = try await store.register(name: "a", directory: disk.path(0))
        let wins = await withTaskGroup(of: Int.self) { group in
            for index in 1..<8 {
                group.addTask {
                    let expected = AdapterReplacement.expecting(FakeDisk.digest(0))
                    let result = try? await store.register(name: "a", directory: disk.path(index), replacing: expected)
                    return result == nil ? 0 : 1
                }
            }
            return await group.reduce(0, +)
        }
        #expect(wins == 1)
        store.checkInvariants()
    }

    @Test func `concurrent leases of an evicted adapter share one read`() async throws {
        let store = try disk.store(budget: 40)
        _ = try await store.register(name: "a", directory: disk.path(1))
        _ = try await store.register(name: "b", directory: disk.path(3))
        #expect(store.describe(name: "a")?.tier == .disk && disk.reads == 2)
        let slow = SlowRead(disk: disk)
        slow.begin()
        let leases = (0..<50).map { _ in Task { try await store.lease(name: "a") } }
        try await until { store.statistics.misses == 50 }
        slow.end()
        let first = try await leases[0].value.adapter
        for lease in leases { #expect(try await lease.value.adapter === first) }
        #expect(disk.reads == 3)
        store.checkInvariants()
    }

    @Test func `a name unregistered while its adapter is read still serves who asked before`() async throws {
        let store = try disk.store(budget: 40)
        _ = try await store.register(name: "a", directory: disk.path(1))
        _ = try await store.register(name: "b", directory: disk.path(3))
        let slow = SlowRead(disk: disk)
        slow.begin()
        let digest = Task { try await store.lease(name: "a").adapter.digest }
        try await until { store.statistics.misses == 1 }
        try store.unregister(name: "a")
        store.checkInvariants()
        slow.end()
        #expect(try await digest.value == FakeDisk.digest(1))
        try await until { store.statistics.leaseCount == 0 }
        #expect(store.statistics.residentBytes == 0 && store.statistics.reservedBytes == 0)
        store.checkInvariants()
    }

    @Test func `content registered anew while it is read serves those who wait`() async throws {
        let store = try disk.store(budget: 40)
        _ = try await store.register(name: "a", directory: disk.path(1))
        _ = try await store.register(name: "b", directory: disk.path(3))
        disk[5] = 1
        let slow = SlowRead(disk: disk)
        slow.begin()
        let digest = Task { try await store.lease(name: "a").adapter.digest }
        try await until { store.statistics.misses == 1 }
        let second = Task { [disk] in try await store.register(name: "c", directory: disk.path(5), pinned: true) }
        slow.end()
        #expect(try await digest.value == FakeDisk.digest(1))
        #expect(try await second.value.digest == FakeDisk.digest(1))
        #expect(store.statistics.residentBytes == FakeDisk.byteCount(1) && store.statistics.reservedBytes == 0)
        store.checkInvariants()
    }

    @Test func `after a replacement nothing is read again`() async throws {
        let store = try disk.store(budget: 100)
        _ = try await store.register(name: "a", directory: disk.path(1))
        _ = try await store.register(name: "a", directory: disk.path(2), replacing: .always)
        for _ in 0..<100 { _ = try await store.lease(name: "a") }
        #expect(disk.reads == 2)
    }

    /// Waits until a condition holds; fails after ten seconds.
    private func until(_ condition: () -> Bool) async throws {
        for _ in 0..<10_000 where !condition() { try await Task.sleep(for: .milliseconds(1)) }
        try #require(condition())
    }

    @Test func `a failed reload fails its waiters and is not tried again at once`() async throws {
        let clock = TestClock()
        let store = try disk.store(budget: 40, now: clock.now)
        _ = try await store.register(name: "a", directory: disk.path(1))
        _ = try await store.register(name: "b", directory: disk.path(3))
        disk[1] = nil
        for _ in 0..<20 { await #expect(throws: FakeDisk.failure) { try await store.lease(name: "a") } }
        #expect(disk.reads == 3, "one read for twenty requests")
        #expect(store.statistics.failedLoads == 1 && store.statistics.reservedBytes == 0)
        disk[1] = 1
        await #expect(throws: FakeDisk.failure) { try await store.lease(name: "a") }
        clock.advance(.seconds(6))
        #expect(try await store.lease(name: "a").adapter.digest == FakeDisk.digest(1))
        store.checkInvariants()
    }

    @Test func `a directory that changed is an error that names both digests`() async throws {
        let store = try disk.store(budget: 40)
        _ = try await store.register(name: "a", directory: disk.path(1))
        _ = try await store.register(name: "b", directory: disk.path(3))
        disk[1] = 5
        let refusal = AdapterError.digestMismatch(
            path: disk.path(1),
            expected: FakeDisk.digest(1),
            found: FakeDisk.digest(5)
        )
        await #expect(throws: refusal) { try await store.lease(name: "a") }
        // The same content is still found where another name has it.
        disk[4] = 1
        _ = try await store.register(name: "c", directory: disk.path(4))
        #expect(try await store.lease(name: "a").adapter.digest == FakeDisk.digest(1))
        store.checkInvariants()
    }

    @Test func `pinning reads an evicted adapter and keeps it`() async throws {
        let store = try disk.store(budget: 40)
        _ = try await store.register(name: "a", directory: disk.path(1))
        _ = try await store.register(name: "b", directory: disk.path(3))
        try await store.pin(name: "a")
        #expect(store.describe(name: "a")?.tier == .host && store.describe(name: "a")?.isPinned == true)
        await #expect(throws: AdapterError.budgetExceeded(needed: 40, available: 20)) {
            try await store.lease(name: "b")
        }
        try store.unpin(name: "a")
        #expect(try await store.lease(name: "b").adapter.digest == FakeDisk.digest(3))
        #expect(store.describe(name: "a")?.tier == .disk)
        store.checkInvariants()
    }

    @Test func `a pinned adapter may be replaced by one that needs its room`() async throws {
        let store = try disk.store(budget: 40)
        _ = try await store.register(name: "a", directory: disk.path(2), pinned: true)
        _ = try await store.register(name: "a", directory: disk.path(3), pinned: true, replacing: .always)
        #expect(store.statistics.residentBytes == 40 && digests(store) == ["a": FakeDisk.digest(3)])
        disk[3] = nil
        await #expect(throws: FakeDisk.failure) {
            try await store.register(name: "a", directory: disk.path(3), pinned: true, replacing: .always)
        }
        #expect(store.describe(name: "a")?.isPinned == true)
        store.checkInvariants()
    }

    @Test func `a slow read holds up neither other leases nor the lists`() async throws {
        let store = try disk.store(budget: 50)
        _ = try await store.register(name: "a", directory: disk.path(1))
        _ = try await store.register(name: "b", directory: disk.path(3))
        _ = try await store.register(name: "c", directory: disk.path(0))
        let resident = try #require(store.list().first { $0.tier == .host && $0.name != "a" }?.name)
        #expect(store.describe(name: "a")?.tier == .disk)
        let slow = SlowRead(disk: disk)
        slow.begin()
        let waiting = Task { try await store.lease(name: "a").adapter.digest }
        for _ in 0..<100 { _ = try await store.lease(name: resident) }
        #expect(store.list().count == 3)
        slow.end()
        #expect(try await waiting.value == FakeDisk.digest(1))
    }

    @Test(arguments: ["", " a", "a ", "a\nb", "a\u{0}b", "a\u{7F}", "\u{200B}", String(repeating: "x", count: 257)])
    func `a name that cannot be shown is refused`(name: String) async throws {
        let store = try disk.store(budget: 100)
        await #expect(throws: AdapterError.self) { try await store.register(name: name, directory: disk.path(1)) }
        #expect(disk.reads == 0)
    }

    @Test(arguments: ["a", "org/name-v1.2", "mein Adapter", "日本語", String(repeating: "x", count: 256)])
    func `an ordinary name is accepted`(name: String) async throws {
        let store = try disk.store(budget: 100)
        #expect(try await store.register(name: name, directory: disk.path(1)).name == name)
    }

    @Test func `who asks late after a failed load is told why, whatever happened meanwhile`() async throws {
        var ledger = AdapterLedger(budgetBytes: 60)
        let time = ContinuousClock.now
        func register(_ name: String, _ number: Int, pinned: Bool = false) throws(AdapterError) {
            let alias = AdapterLedger.Alias(digest: FakeDisk.digest(number), directory: name, isPinned: pinned)
            let adapter = FakeDisk.adapter(number)
            _ = try ledger.register(name: name, alias: alias, adapter: adapter, replacing: .always, duration: .zero)
        }
        // 20 bytes of content 1 are evicted by 40 pinned and 20 more.
        try register("late", 1)
        try register("pinned", 3, pinned: true)
        try register("passing", 5)
        try ledger.unregister("passing")
        guard case .load = try ledger.beginLease("late", now: time) else {
            Issue.record("content 1 is still in memory")
            return
        }
        let digest = FakeDisk.digest(1)
        let failure = Result<LoadedAdapter, AdapterError>.failure(FakeDisk.failure)
        _ = ledger.finishLoad(digest, failure, duration: .zero, failureUntil: time + .seconds(5))
        // The same content is read under another name, but its room has been taken.
        try register("taker", 5, pinned: true)
        try register("again", 1)
        let outcome = await withCheckedContinuation { waiter in
            if let outcome = ledger.wait(digest, waiter) { waiter.resume(returning: outcome) }
        }
        #expect(throws: FakeDisk.failure) { try outcome.get() }
        ledger.release(digest)
        ledger.checkInvariants()
        // The content was read since: a new request tries again rather than being told of the old failure.
        try ledger.unregister("taker")
        guard case .load = try ledger.beginLease("late", now: time) else {
            Issue.record("no second try")
            return
        }
    }
}

/// Holds reads up between `begin` and `end`, which may run on different threads.
private final class SlowRead: Sendable {
    private let disk: FakeDisk
    private let release = DispatchSemaphore(value: 0)
    private let held = DispatchSemaphore(value: 0)

    init(disk: FakeDisk) { self.disk = disk }

    func begin() {
        // The lock must be released by the thread that took it.
        Thread.detachNewThread { [self] in
            disk.gate.withLock {
                held.signal()
                release.wait()
            }
        }
        held.wait()
    }

    func end() { release.signal() }
}
