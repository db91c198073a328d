import Core
import Testing

@testable import Paging

private let tenant = AdapterDigest(bytes: repeatElement(1, count: 32))
private let other = AdapterDigest(bytes: repeatElement(2, count: 32))

private func text(_ ids: Int32...) -> [TokenID] { ids.map { TokenID($0) } }

extension KVCache {
    /// Starts a sequence, computes all its tokens and indexes them.
    fileprivate mutating func fill(_ digest: AdapterDigest?, _ tokens: [TokenID]) -> PageTable {
        var (pages, _) = startSequence(digest: digest, tokens: tokens.span)
        #expect(reserve(&pages, upTo: tokens.count))
        commit(&pages, tokens: tokens.span, computed: tokens.count)
        return pages
    }

    fileprivate mutating func hits(_ digest: AdapterDigest?, _ tokens: [TokenID]) -> Int {
        var (pages, cached) = startSequence(digest: digest, tokens: tokens.span)
        free(&pages)
        return cached
    }
}

@Suite struct KVCacheTests {
    private func cache(blocks: Int = 8, prefixes: Bool = true) throws -> KVCache {
        try KVCache(blockCount: blocks, blockSize: 2, maxTokensPerSequence: 64, enablesPrefixCaching: prefixes)
    }

    @Test func `a text is found again under its own adapter only`() throws {
        var cache = try cache()
        let tokens = text(1, 2, 3, 4, 5)
        var pages = cache.fill(tenant, tokens)
        #expect(cache.hits(tenant, tokens) == 4)
        #expect(cache.hits(other, tokens) == 0)
        #expect(cache.hits(nil, tokens) == 0)
        cache.free(&pages)
        #expect(cache.hits(tenant, tokens) == 4)
        #expect(cache.hits(other, tokens) == 0)
        #expect(cache.hits(nil, tokens) == 0)
        #expect(cache.freeBlockCount == 6)
        #expect(cache.cachedBlockCount == 2)
    }

    @Test func `one token is always left to compute`() throws {
        var cache = try cache()
        var pages = cache.fill(nil, text(1, 2, 3, 4))
        #expect(cache.hits(nil, text(1, 2, 3, 4)) == 2)
        #expect(cache.hits(nil, text(1, 2, 3, 4, 5)) == 4)
        #expect(cache.hits(nil, text(1, 2)) == 0)
        #expect(cache.hits(nil, text(1)) == 0)
        #expect(cache.hits(nil, []) == 0)
        cache.free(&pages)
    }

    @Test func `a block is found only behind the tokens it was computed behind`() throws {
        var cache = try cache()
        var pages = cache.fill(nil, text(1, 2, 3, 4))
        #expect(cache.hits(nil, text(3, 4, 9)) == 0)
        #expect(cache.hits(nil, text(3, 4, 3, 4, 9)) == 0)
        #expect(cache.hits(nil, text(1, 2, 4, 3, 9)) == 2)
        cache.free(&pages)
    }

    @Test func `shared blocks stay until the last sequence ends`() throws {
        var cache = try cache()
        var first = cache.fill(nil, text(1, 2, 3))
        var (second, cached) = cache.startSequence(digest: nil, tokens: text(1, 2, 9).span)
        #expect(cached == 2)
        #expect(second.blocks == [first.blocks[0]])
        #expect(cache.pool.references[first.blocks[0].index] == 2)
        cache.free(&first)
        #expect(cache.heldBlockCount == 1)
        cache.free(&second)
        #expect(cache.heldBlockCount == 0)
        #expect(second.blocks.isEmpty)
    }

    @Test func `growing is all or nothing`() throws {
        var cache = try cache(blocks: 3)
        var first = cache.fill(nil, text(1, 2, 3, 4))
        var (second, _) = cache.startSequence(digest: tenant, tokens: text(5, 6, 7).span)
        #expect(!cache.reserve(&second, upTo: 3))
        #expect(second.blocks.isEmpty)
        #expect(cache.freeBlockCount == 1)
        #expect(cache.reserve(&second, upTo: 2))
        #expect(cache.reserve(&second, upTo: 1), "shrinking is no growth")
        #expect(second.blocks.count == 1)
        cache.free(&first)
        #expect(cache.reserve(&second, upTo: 6), "cached blocks are room")
        cache.checkInvariants(sequences: [second])
    }

    @Test func `tails are evicted before what they build on, and the oldest sequence first`() throws {
        var cache = try cache(blocks: 6)
        var old = cache.fill(nil, text(1, 2, 3, 4, 5, 6))
        var new = cache.fill(tenant, text(1, 2, 3, 4, 5, 6))
        cache.free(&old)
        cache.free(&new)
        var (third, _) = cache.startSequence(digest: other, tokens: text(9).span)
        let expected = [(2, 4, 6), (4, 2, 6), (6, 0, 6), (8, 0, 4)]
        for (length, oldHits, newHits) in expected {
            #expect(cache.reserve(&third, upTo: length))
            let copy = cache
            cache.checkInvariants(sequences: [third])
            #expect(cache.hits(nil, text(1, 2, 3, 4, 5, 6, 7)) == oldHits)
            cache = copy
            #expect(cache.hits(tenant, text(1, 2, 3, 4, 5, 6, 7)) == newHits)
            cache = copy
        }
    }

    @Test func `of two sequences filling equal blocks the first is indexed and the second stays private`() throws {
        var cache = try cache()
        let tokens = text(1, 2, 3, 4, 5)
        var (first, _) = cache.startSequence(digest: nil, tokens: tokens.span)
        var (second, _) = cache.startSequence(digest: nil, tokens: tokens.span)
        #expect(cache.reserve(&first, upTo: 5) && cache.reserve(&second, upTo: 5))
        cache.commit(&first, tokens: tokens.span, computed: 5)
        cache.commit(&second, tokens: tokens.span, computed: 5)
        #expect(cache.index.count == 2)
        var (third, _) = cache.startSequence(digest: nil, tokens: tokens.span)
        #expect(third.blocks == Array(first.blocks.prefix(2)))
        let all = tokens + text(6)
        #expect(cache.reserve(&second, upTo: 6))
        cache.commit(&second, tokens: all.span, computed: 6)
        #expect(cache.hits(nil, all + text(7)) == 6, "what grows from the private copy is found behind the first")
        cache.checkInvariants(sequences: [first, second, third])
        cache.free(&first)
        cache.free(&third)
        cache.free(&second)
        #expect(cache.cachedBlockCount == 3 && cache.freeBlockCount == 5)
    }

    @Test func `without prefix caching nothing is kept`() throws {
        var cache = try cache(prefixes: false)
        var pages = cache.fill(nil, text(1, 2, 3, 4))
        #expect(cache.hits(nil, text(1, 2, 3)) == 0)
        cache.free(&pages)
        #expect(cache.freeBlockCount == 8)
        #expect(cache.statistics == KVCacheStatistics())
    }

    @Test func `statistics count what has begun for good, not what was looked up`() throws {
        var cache = try cache()
        var pages = cache.fill(nil, text(1, 2, 3))
        let found = cache.hits(nil, text(1, 2, 3, 4))
        #expect(cache.statistics == KVCacheStatistics())
        cache.countStart(tokenCount: 4, cachedTokens: found)
        #expect(cache.statistics.queriedTokens == 4)
        #expect(cache.statistics.hitTokens == 2)
        cache.free(&pages)
    }

    @Test func `positions follow the page table`() throws {
        var cache = try cache()
        var (pages, _) = cache.startSequence(digest: nil, tokens: text(1, 2, 3).span)
        #expect(cache.reserve(&pages, upTo: 5))
        #expect(pages.reservedTokenCount == 6)
        for index in 0..<6 {
            let block = pages.blocks[index / 2].rawValue
            #expect(cache.kvPosition(of: index, in: pages.blocks) == block * 2 + Int32(index % 2))
        }
        #expect(Set((0..<6).map { cache.kvPosition(of: $0, in: pages.blocks) }).count == 6)
    }

    @Test func `a page table does not move as it grows`() throws {
        var cache = try KVCache(blockCount: 64, blockSize: 2, maxTokensPerSequence: 100)
        var (pages, _) = cache.startSequence(digest: nil, tokens: text(1).span)
        let start = pages.blocks.withUnsafeBufferPointer { $0.baseAddress }
        #expect(cache.reserve(&pages, upTo: 100))
        #expect(pages.blocks.withUnsafeBufferPointer { $0.baseAddress } == start)
    }

    @Test func `sizes that cannot be are refused`() {
        #expect(throws: PagingError.notPositive(field: "blockCount", value: 0)) {
            try KVCache(blockCount: 0, blockSize: 16, maxTokensPerSequence: 1)
        }
        #expect(throws: PagingError.notPositive(field: "blockSize", value: -1)) {
            try KVCache(blockCount: 1, blockSize: -1, maxTokensPerSequence: 1)
        }
        #expect(throws: PagingError.notPositive(field: "maxTokensPerSequence", value: 0)) {
            try KVCache(blockCount: 1, blockSize: 1, maxTokensPerSequence: 0)
        }
        let limit = Int(Int32.max)
        #expect(throws: PagingError.tooManyPositions(blockCount: .max, blockSize: 2, limit: limit)) {
            try KVCache(blockCount: .max, blockSize: 2, maxTokensPerSequence: 1)
        }
        let error = PagingError.tooManyPositions(blockCount: 1 << 28, blockSize: 16, limit: limit)
        #expect(throws: error) { try KVCache(blockCount: 1 << 28, blockSize: 16, maxTokensPerSequence: 1) }
        #expect(error.description.contains("2147483647"))
    }
}
