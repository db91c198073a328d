import Core
import TestSupport
import Testing

@testable import Paging

@Suite struct LoanTests {
    @Test func `lent blocks follow each other from the high end`() throws {
        var cache = try KVCache(blockCount: 10, blockSize: 4, maxTokensPerSequence: 40)
        #expect(cache.takeBlocks(3, contiguous: true) == [BlockID(7), BlockID(8), BlockID(9)])
        #expect(cache.takeBlocks(8, contiguous: false) == nil)
        #expect(cache.takeBlocks(0, contiguous: true) == [])
        cache.checkInvariants(sequences: [], lent: [BlockID(7), BlockID(8), BlockID(9)])
    }

    @Test func `scattered blocks serve those who need no run, and nobody else`() throws {
        var cache = try KVCache(blockCount: 6, blockSize: 4, maxTokensPerSequence: 24)
        let taken = (0..<6).flatMap { _ in cache.takeBlocks(1, contiguous: false) ?? [] }
        #expect(taken.count == 6)
        cache.returnBlocks([taken[0], taken[2], taken[4]])
        #expect(cache.takeBlocks(2, contiguous: true) == nil)
        #expect(cache.takeBlocks(3, contiguous: false)?.count == 3)
    }

    @Test func `cached blocks make room, and can no longer be found`() throws {
        var cache = try KVCache(blockCount: 4, blockSize: 2, maxTokensPerSequence: 8)
        let tokens = (0..<6).map { TokenID($0) }
        var (pages, _) = cache.startSequence(digest: nil, tokens: tokens.span)
        #expect(cache.reserve(&pages, upTo: 6))
        cache.commit(&pages, tokens: tokens.span, computed: 6)
        cache.free(&pages)
        #expect(cache.cachedBlockCount == 3)
        let lent = cache.takeBlocks(4, contiguous: true) ?? []
        #expect(lent.count == 4)
        #expect(cache.cachedBlockCount == 0)
        cache.checkInvariants(sequences: [], lent: lent)
        let (again, cached) = cache.startSequence(digest: nil, tokens: tokens.span)
        #expect(cached == 0 && again.blocks.isEmpty)
    }

    @Test func `loans and sequences in any order keep the books right`() throws {
        var random = SplitMix(seed: 5)
        var cache = try KVCache(blockCount: 24, blockSize: 2, maxTokensPerSequence: 12)
        var loans: [[BlockID]] = []
        var sequences: [PageTable] = []
        for _ in 0..<5000 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                let count = Int.random(in: 1...6, using: &random)
                if let loan = cache.takeBlocks(count, contiguous: Bool.random(using: &random)) { loans.append(loan) }
            case 1:
                if let index = loans.indices.randomElement(using: &random) {
                    cache.returnBlocks(loans.remove(at: index))
                }
            case 2:
                let tokens = (0..<Int.random(in: 1...12, using: &random)).map { _ in
                    TokenID(Int32.random(in: 0...1, using: &random))
                }
                var (pages, _) = cache.startSequence(digest: nil, tokens: tokens.span)
                if cache.reserve(&pages, upTo: tokens.count) {
                    cache.commit(&pages, tokens: tokens.span, computed: tokens.count)
                    sequences.append(pages)
                } else {
                    cache.free(&pages)
                }
            default:
                guard let index = sequences.indices.randomElement(using: &random) else { continue }
                var pages = sequences.remove(at: index)
                cache.free(&pages)
            }
            cache.checkInvariants(sequences: sequences, lent: loans.flatMap(\.self))
        }
    }
}
