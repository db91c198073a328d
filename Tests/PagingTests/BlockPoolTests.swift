import Core
import Testing

@testable import Paging

@Suite struct BlockPoolTests {
    @Test func `blocks move between free, held and cached`() {
        var pool = BlockPool(count: 2)
        let first = pool.takeFree()
        let second = pool.takeFree()
        #expect(first == BlockID(0) && second == BlockID(1))
        #expect(pool.takeFree() == nil)
        pool.retain(BlockID(0))
        pool.release(BlockID(0), cached: true)
        #expect(pool.heldCount == 2 && pool.availableCount == 0)
        pool.release(BlockID(0), cached: true)
        pool.release(BlockID(1), cached: true)
        #expect(pool.cachedCount == 2 && pool.freeCount == 0 && pool.availableCount == 2)
        #expect(pool.leastRecentlyUsed == BlockID(0))
        pool.touch(BlockID(0))
        #expect(pool.leastRecentlyUsed == BlockID(1))
        pool.retain(BlockID(1))
        #expect(pool.leastRecentlyUsed == BlockID(0))
        let discards = (pool.discard(BlockID(1)), pool.discard(BlockID(0)))
        #expect(discards == (false, true))
        #expect(pool.freeCount == 1 && pool.heldCount == 1 && pool.cachedCount == 0)
        pool.checkInvariants()
    }

    @Test func `the highest run of free blocks is found, or else of free and cached ones`() {
        var pool = BlockPool(count: 8)
        for _ in 0..<8 { _ = pool.takeFree() }
        #expect(pool.lastRun(of: 1) == nil)
        for number in [1, 2, 5] { pool.release(BlockID(Int32(number)), cached: false) }
        for number in [4, 7] { pool.release(BlockID(Int32(number)), cached: true) }
        #expect(pool.lastRun(of: 1) == 5..<6)
        #expect(pool.lastRun(of: 2) == 1..<3)
        #expect(pool.lastRun(of: 3) == nil)
        pool.release(BlockID(6), cached: true)
        #expect(pool.lastRun(of: 3) == 5..<8)
        #expect(pool.lastRun(of: 4) == 4..<8)
        pool.takeFree(1..<3)
        pool.checkInvariants()
        #expect(pool.takeFree() == BlockID(5))
        #expect(pool.freeCount == 0)
    }

    @Test func `taking a run that is in use traps`() async {
        await #expect(processExitsWith: .failure) {
            var pool = BlockPool(count: 3)
            _ = pool.takeFree()
            pool.takeFree(0..<2)
        }
    }

    @Test func `giving a block back twice traps`() async {
        await #expect(processExitsWith: .failure) {
            var pool = BlockPool(count: 1)
            if let block = pool.takeFree() {
                pool.release(block, cached: false)
                pool.release(block, cached: false)
            }
        }
    }

    @Test func `holding a free block traps`() async {
        await #expect(processExitsWith: .failure) {
            var pool = BlockPool(count: 1)
            pool.retain(BlockID(0))
        }
    }

    @Test func `giving back a copy of a page table traps`() async {
        await #expect(processExitsWith: .failure) {
            var cache = try KVCache(blockCount: 4, blockSize: 1, maxTokensPerSequence: 4)
            var (pages, _) = cache.startSequence(digest: nil, tokens: [TokenID(1)].span)
            _ = cache.reserve(&pages, upTo: 1)
            var copy = pages
            cache.free(&pages)
            cache.free(&copy)
        }
    }

    @Test func `a pool whose counts are wrong does not pass its check`() async {
        await #expect(processExitsWith: .failure) {
            var pool = BlockPool(count: 2)
            _ = pool.takeFree()
            pool.references[0] = 0
            pool.checkInvariants()
        }
    }

    @Test func `a cached block that cannot be found does not pass the check`() async {
        await #expect(processExitsWith: .failure) {
            var cache = try KVCache(blockCount: 2, blockSize: 1, maxTokensPerSequence: 4)
            let tokens = [TokenID(1)]
            var (pages, _) = cache.startSequence(digest: nil, tokens: tokens.span)
            _ = cache.reserve(&pages, upTo: 1)
            cache.commit(&pages, tokens: tokens.span, computed: 1)
            cache.free(&pages)
            cache.index.forget(BlockID(0))
            cache.checkInvariants(sequences: [])
        }
    }
}
