import TestSupport
import Testing

@testable import Tokenization

@Suite struct BytePairTests {
    /// Merges by rescanning for the earliest merge, leftmost first.
    private func slowMerge(_ ids: [Int32], _ merges: MergeTable) -> [Int32] {
        var ids = ids
        while true {
            let ranked = ids.indices.dropLast().compactMap { index in
                merges.rank(left: ids[index], right: ids[index + 1]).map { ($0, index) }
            }
            guard let (rank, index) = ranked.min(by: <) else { return ids }
            ids.replaceSubrange(index...index + 1, with: [merges.result(ofRank: rank)])
        }
    }

    @Test func `the heap merges as a rescan does`() {
        var random = SplitMix(seed: 11)
        for _ in 0..<300 {
            var merges = MergeTable(capacity: 40)
            var next: Int32 = 3
            for _ in 0..<40 {
                let (left, right) = (
                    Int32.random(in: 0..<next, using: &random), Int32.random(in: 0..<next, using: &random)
                )
                guard merges.rank(left: left, right: right) == nil else { continue }
                merges.append(left: left, right: right, result: next)
                next += 1
            }
            let ids = (0..<Int.random(in: 0...60, using: &random)).map { _ in Int32.random(in: 0..<3, using: &random) }
            var word = BytePairWord()
            for id in ids { word.append(id) }
            word.merge(by: merges)
            var output: [Int32] = []
            word.appendTokens(to: &output)
            #expect(output == slowMerge(ids, merges))
        }
    }

    @Test func `a heap gives its items in order`() {
        var random = SplitMix(seed: 2)
        var heap = MinimumHeap()
        let items = (0..<1000).map { _ in UInt64.random(in: 0..<500, using: &random) }
        for item in items { heap.insert(item) }
        var popped: [UInt64] = []
        while let item = heap.popMinimum() { popped.append(item) }
        #expect(popped == items.sorted())
    }

    @Test func `a vocabulary finds every token and no other`() throws {
        var vocabulary = Vocabulary()
        for id in 0..<5000 { try vocabulary.insert(Array("t\(id)".utf8), id: id * 2) }
        #expect(vocabulary.count == 5000)
        #expect(vocabulary.idBound == 9999)
        for id in 0..<5000 {
            #expect(vocabulary.id(of: "t\(id)".utf8) == id * 2)
            #expect(vocabulary.bytes(of: id * 2).map(Array.init) == Array("t\(id)".utf8))
            #expect(vocabulary.bytes(of: id * 2 + 1) == nil)
        }
        #expect(vocabulary.id(of: "t5000".utf8) == nil)
        #expect(vocabulary.id(of: "".utf8) == nil)
    }

    @Test(arguments: [
        (SplitBehavior.isolated, ["a", "-", "-", "b", "-"]), (.removed, ["a", "b"]),
        (.contiguous, ["a", "--", "b", "-"]),
        (.mergedWithPrevious, ["a-", "-", "b-"]), (.mergedWithNext, ["a", "-", "-b", "-"]),
    ])
    func `behaviors cut as named`(behavior: SplitBehavior, expected: [String]) throws {
        var list = PieceList(Array("a--b-".utf8), isFirst: true)
        list.split(by: try Pattern(literal: "-"), behavior, isInverted: false)
        #expect(list.pieces.map { String(decoding: list.bytes[$0.start..<$0.end], as: UTF8.self) } == expected)
        #expect(list.pieces.map(\.isFirst) == [true] + Array(repeating: false, count: expected.count - 1))
    }
}
