import Core
import Testing

@testable import Backends

@Suite("Updates as columns of their products")
struct LowRankColumnsTests {
    private func columns(_ rows: [Int], ranks: [Int?]) -> LowRankColumns {
        var (segments, start): ([Segment], Int32) = ([], 3)
        for (index, count) in rows.enumerated() {
            segments.append(Segment(start: start, end: start + Int32(count), slot: AdapterSlot(Int32(index))))
            start += Int32(count)
        }
        return LowRankColumns(segments) { ranks[Int($0.rawValue)] }
    }

    @Test("the longest segments come first, as far as their ranks have room")
    func longest() {
        let chosen = columns([70, 300, 200], ranks: [16, 8, 16])
        #expect(chosen.count == 2)
        #expect(chosen.first == .init(rows: 73..<373, slot: 1, firstRank: 0))
        #expect(chosen.second == .init(rows: 373..<573, slot: 2, firstRank: 0))
        #expect(chosen.contains(rowStart: 73) && !chosen.contains(rowStart: 3))
    }

    @Test("ranks above 16 take two blocks, and one that has no room makes place for another")
    func wide() {
        let two = columns([70, 300], ranks: [16, 24])
        #expect(two.first?.rows == two.second?.rows)
        #expect(two.second?.firstRank == 16 && !two.contains(rowStart: 3))
        let narrow = columns([70, 300, 200], ranks: [16, 64, 16])
        #expect(narrow.first?.slot == 2 && narrow.second?.slot == 0)
    }

    @Test("short segments, and adapters whose updates are no columns, get none")
    func none() {
        #expect(columns([], ranks: []).isEmpty)
        #expect(columns([63, 200, 100], ranks: [8, nil, 40]) == LowRankColumns())
    }

    @Test("rows that are served have no other updates, the others keep theirs")
    func excluded() {
        let chosen = columns([2, 64, 1, 70, 1], ranks: [8, 16, 8, 16, 8])
        var slots = (0..<145).map { Int32($0) }
        slots.withUnsafeMutableBufferPointer { chosen.exclude(from: $0) }
        #expect(slots.indices.filter { slots[$0] == -1 } == Array(5..<69) + Array(70..<140))
        #expect(slots.indices.allSatisfy { slots[$0] == -1 || slots[$0] == Int32($0) })
    }

    @Test("widths count members, and both terms of v")
    func widths() {
        let one = columns([64], ranks: [16])
        #expect(one.width(of: .projections(layer: 0, .queryKeyValue)) == 96)
        #expect(one.width(of: .projections(layer: 0, .down)) == 32)
        #expect(one.width(of: .head) == 0)
        #expect(LowRankColumns.weightRoom(for: .projections(layer: 0, .gateUp)) == 128)
        #expect(LowRankColumns.weightRoom(for: .head) == 0)
    }
}
