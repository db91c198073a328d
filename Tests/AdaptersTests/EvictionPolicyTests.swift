import TestSupport
import Testing

@testable import Adapters

@Suite struct EvictionPolicyTests {
    /// Names in the order in which they would be evicted.
    private func order(_ records: [String: EvictionPolicy.Record]) -> [String] {
        records.sorted { EvictionPolicy.isWorthLess($0.value, $1.value) }.map(\.key)
    }

    @Test func `equal adapters go in the order of their last use`() {
        var policy = EvictionPolicy()
        var records: [String: EvictionPolicy.Record] = [:]
        for name in ["a", "b", "c"] {
            policy.used(&records[name, default: .init()], cost: 1, byteCount: 10)
        }
        #expect(order(records) == ["a", "b", "c"])
    }

    @Test func `what is used more, costs more to load or is smaller stays longer`() {
        var policy = EvictionPolicy()
        var records: [String: EvictionPolicy.Record] = [:]
        policy.used(&records["often", default: .init()], cost: 1, byteCount: 10)
        policy.used(&records["often", default: .init()], cost: 1, byteCount: 10)
        policy.used(&records["slow", default: .init()], cost: 3, byteCount: 10)
        policy.used(&records["large", default: .init()], cost: 1, byteCount: 100)
        policy.used(&records["plain", default: .init()], cost: 1, byteCount: 10)
        #expect(order(records) == ["large", "plain", "often", "slow"])
    }

    @Test func `what was popular long ago is caught up with`() {
        var policy = EvictionPolicy()
        var old = EvictionPolicy.Record()
        for _ in 0..<100 { policy.used(&old, cost: 1, byteCount: 10) }
        var rounds = 0
        while rounds < 1_000 {
            var fresh = EvictionPolicy.Record()
            policy.used(&fresh, cost: 1, byteCount: 10)
            if EvictionPolicy.isWorthLess(old, fresh) { break }
            policy.evicted(&fresh)
            rounds += 1
        }
        #expect(rounds > 50 && rounds <= 100)
    }

    @Test func `an eviction halves the count of uses`() {
        var policy = EvictionPolicy()
        var record = EvictionPolicy.Record()
        for _ in 0..<8 { policy.used(&record, cost: 1, byteCount: 1) }
        policy.evicted(&record)
        #expect(record.uses == 4 && policy.age == 8)
    }

    @Test func `popular adapters are hit more often than by evicting the least recent`() {
        // Zipf over 40 equal adapters with room for 8; the reference is plain least-recently-used.
        var generator = SplitMix(seed: 2)
        let weights = (1...40).map { 1 / Double($0) }
        let total = weights.reduce(0, +)
        var policy = EvictionPolicy()
        var records = Array(repeating: EvictionPolicy.Record(), count: 40)
        var resident: Set<Int> = []
        var recent: [Int] = []
        var hits = (ours: 0, recent: 0)
        for _ in 0..<20_000 {
            var point = Double.random(in: 0..<total, using: &generator)
            let pick =
                weights.firstIndex {
                    point -= $0; return point < 0
                } ?? 39
            if resident.contains(pick) {
                hits.ours += 1
            } else if resident.count == 8 {
                let victim = resident.min { EvictionPolicy.isWorthLess(records[$0], records[$1]) } ?? 0
                policy.evicted(&records[victim])
                resident.remove(victim)
            }
            resident.insert(pick)
            policy.used(&records[pick], cost: 1, byteCount: 1)
            if let index = recent.firstIndex(of: pick) {
                hits.recent += 1
                recent.remove(at: index)
            } else if recent.count == 8 {
                recent.removeFirst()
            }
            recent.append(pick)
        }
        #expect(hits.ours > hits.recent, "\(hits)")
    }
}
