import Core
import TestSupport
import Testing

struct PatternSearchTests {
    @Test func `a pattern is found where trying every place finds it`() {
        var random = SplitMix(seed: 5)
        for _ in 0..<2000 {
            // Two letters, so that much repeats itself.
            let text = (0..<random.next(below: 60)).map { _ in random.next(below: 2) }
            let pattern = (0...random.next(below: 6)).map { _ in random.next(below: 2) }
            var search = PatternSearch(pattern)
            var (found, expected) = ([Int](), [Int]())
            for (index, element) in text.enumerated() {
                if search.advance(element) { found.append(index + 1) }
                #expect(search.matched < pattern.count)
            }
            var start = 0
            for end in stride(from: pattern.count, through: text.count, by: 1) where end - pattern.count >= start {
                guard Array(text[(end - pattern.count)..<end]) == pattern else { continue }
                expected.append(end)
                start = end
            }
            #expect(found == expected, "\(pattern) in \(text)")
        }
    }

    @Test func `what the sequence ends in is known`() {
        var search = PatternSearch(Array("aabaaa".utf8))
        let matched = "aabaab".utf8.map { byte in
            _ = search.advance(byte)
            return search.matched
        }
        #expect(matched == [1, 2, 3, 4, 5, 3])
    }
}
