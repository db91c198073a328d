import Core
import TestSupport
import Testing

@testable import Adapters

/// Few names, few contents, little room: everything happens to everything.
@Suite struct AdapterStoreRandomTests {
    static let names = ["a", "b", "c", "d", "e", "f"]

    @Test(arguments: [UInt64(1), 2]) func `random operations keep the books balanced`(seed: UInt64) async throws {
        let disk = try FakeDisk()
        let clock = TestClock()
        let store = try disk.store(budget: 60, now: clock.now)
        var generator = SplitMix(seed: seed)
        var leases: [(lease: AdapterLease, digest: AdapterDigest)] = []
        var served = 0
        for _ in 0..<20_000 {
            let name = Self.names.randomElement(using: &generator) ?? "a"
            switch Int.random(in: 0..<20, using: &generator) {
            case 0..<4: await register(store, disk, name, &generator)
            case 4: try? store.unregister(name: name)
            case 5: try? await store.pin(name: name)
            case 6...7: try? store.unpin(name: name)
            case 8: disk[Int.random(in: 0..<8, using: &generator)] = Int.random(in: 0..<10, using: &generator)
            case 9: disk[Int.random(in: 0..<8, using: &generator)] = nil
            case 10...11: clock.advance(.seconds(3))
            case 12...15: if !leases.isEmpty { leases.remove(at: Int.random(in: 0..<leases.count, using: &generator)) }
            default:
                let expected = store.describe(name: name)?.digest
                guard leases.count < 3, let lease = try? await store.lease(name: name) else { break }
                #expect(lease.adapter.digest == expected)
                leases.append((lease, lease.adapter.digest))
                served += 1
            }
            store.checkInvariants()
            #expect(leases.allSatisfy { $0.lease.adapter.digest == $0.digest })
        }
        leases = []
        for name in Self.names { try? store.unregister(name: name) }
        try expectEmpty(store, disk)
        let statistics = store.statistics
        #expect(served > 1_000 && statistics.evictions > 100 && statistics.failedLoads > 10, "\(served), \(statistics)")
    }

    @Test func `concurrent operations keep the books balanced`() async throws {
        let disk = try FakeDisk()
        let store = try disk.store(budget: 60)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    var generator = SplitMix(seed: UInt64(100 + task))
                    for _ in 0..<2_500 { await self.step(store, disk, &generator) }
                }
            }
        }
        for name in Self.names { try? store.unregister(name: name) }
        try expectEmpty(store, disk)
    }

    private func step(_ store: AdapterStore, _ disk: FakeDisk, _ generator: inout SplitMix) async {
        let name = Self.names.randomElement(using: &generator) ?? "a"
        switch Int.random(in: 0..<12, using: &generator) {
        case 0...1: await register(store, disk, name, &generator)
        case 2: try? store.unregister(name: name)
        case 3: try? await store.pin(name: name)
        case 4: try? store.unpin(name: name)
        case 5: store.checkInvariants()
        default:
            guard let lease = try? await store.lease(name: name) else { return }
            let digest = lease.adapter.digest
            if Bool.random(using: &generator) { await Task.yield() }
            #expect(lease.adapter.digest == digest)
        }
    }

    private func register(
        _ store: AdapterStore,
        _ disk: FakeDisk,
        _ name: String,
        _ generator: inout SplitMix
    ) async {
        let modes: [AdapterReplacement] = [.ifAbsent, .always, .always, .expecting(FakeDisk.digest(3))]
        _ = try? await store.register(
            name: name,
            directory: disk.path(Int.random(in: 0..<8, using: &generator)),
            pinned: Int.random(in: 0..<4, using: &generator) == 0,
            replacing: modes.randomElement(using: &generator) ?? .always
        )
    }

    /// With no name and no lease left nothing may remain, neither in the books nor in memory.
    private func expectEmpty(_ store: AdapterStore, _ disk: FakeDisk) throws {
        store.checkInvariants()
        let statistics = store.statistics
        #expect(statistics.residentBytes == 0 && statistics.reservedBytes == 0 && statistics.leaseCount == 0)
        #expect(statistics.nameCount == 0 && statistics.residentCount == 0)
        #expect(disk.aliveCount == 0)
    }
}
