import Core
import TestSupport
import Testing

@testable import Paging

/// Two tokens, eight blocks, three adapters: every clash that can happen happens often.
@Suite struct RandomisedCacheTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `a cache answers like a dictionary of whole paths`(seed: UInt64) throws {
        var trial = try Trial(seed: seed)
        for operation in 0..<25_000 {
            try trial.operate()
            try trial.compare("operation \(operation) of seed \(seed)")
        }
        while !trial.sequences.isEmpty { trial.end(0) }
        try trial.compare("the end of seed \(seed)")
        #expect(trial.cache.heldBlockCount == 0)
        // The trial is worth something only if each of these happened, and often.
        #expect(trial.hits > 500)
        #expect(trial.refusals > 500)
        #expect(trial.naive.evictions > 500)
        #expect(trial.twins > 100)
        #expect(trial.returns > 10)
        #expect(trial.loans > 20)
    }
}

/// A cache, its naive twin, and the sequences that both serve.
private struct Trial {
    struct Sequence {
        let digest: AdapterDigest?
        var tokens: [TokenID]
        var computed: Int
        var pages: PageTable
        var indexed: Int
        var tail: (path: Path, entry: NaiveCache.Entry)?
    }

    struct Mismatch: Error { let what: String }

    static let digests: [AdapterDigest?] = [
        nil, AdapterDigest(bytes: repeatElement(7, count: 32)), AdapterDigest(bytes: repeatElement(9, count: 32)),
    ]

    var random: SplitMix
    var cache: KVCache
    var naive: NaiveCache
    var sequences: [Sequence] = []
    var hits = 0
    var refusals = 0
    var twins = 0
    var returns = 0
    var loans = 0

    init(seed: UInt64) throws {
        random = SplitMix(seed: seed)
        cache = try KVCache(blockCount: 8, blockSize: 2, maxTokensPerSequence: 14)
        naive = NaiveCache(blockCount: 8, blockSize: 2)
    }

    mutating func operate() throws {
        let choice = Int.random(in: 0..<200, using: &random)
        if choice == 0 { return try lend() }
        if sequences.isEmpty || (choice < 50 && sequences.count < 4) { return try start() }
        let number = Int.random(in: 0..<sequences.count, using: &random)
        choice < 160 ? try step(number) : end(number)
    }

    mutating func start() throws {
        let length = Int.random(in: 1...9, using: &random)
        let tokens = (0..<length).map { _ in token() }
        guard let digest = Self.digests.randomElement(using: &random) else { return }
        let expected = naive.start(digest, tokens)
        let (pages, cachedTokens) = cache.startSequence(digest: digest, tokens: tokens.span)
        try expect(pages.blocks == expected, "found \(pages.blocks), not \(expected)")
        try expect(cachedTokens == 2 * expected.count && cachedTokens < length, "\(cachedTokens) tokens cached")
        hits += expected.isEmpty ? 0 : 1
        var sequence = Sequence(
            digest: digest,
            tokens: tokens,
            computed: cachedTokens,
            pages: pages,
            indexed: expected.count
        )
        let path = naive.path(digest, tokens, blocks: expected.count)
        sequence.tail = naive.entries[path].map { (path, $0) }
        sequences.append(sequence)
    }

    /// Computes some tokens of a sequence and appends one when all are computed.
    mutating func step(_ number: Int) throws {
        var sequence = sequences[number]
        if sequence.computed == sequence.tokens.count { sequence.tokens.append(token()) }
        let upTo = Int.random(in: sequence.computed + 1...sequence.tokens.count, using: &random)
        let before = sequence.pages
        let needed = max(0, (upTo + 1) / 2 - before.blocks.count)
        let fits = cache.reserve(&sequence.pages, upTo: upTo)
        try expect(fits == naive.canTake(needed), "\(needed) blocks: \(fits)")
        guard fits else {
            refusals += 1
            return try expect(sequence.pages == before, "a refusal changed the page table")
        }
        for block in sequence.pages.blocks.dropFirst(before.blocks.count) {
            try expect(naive.take(block), "block \(block) was not free")
        }
        let fills = cache.fillsBlock(from: sequence.computed, to: upTo)
        try expect(fills == (sequence.indexed < upTo / 2), "something to index: \(fills)")
        sequence.computed = upTo
        let tokens = sequence.tokens
        cache.commit(&sequence.pages, tokens: tokens.span, computed: upTo)
        commit(&sequence)
        sequences[number] = sequence
        if sequence.tokens.count == 14 { end(number) }
    }

    mutating func commit(_ sequence: inout Sequence) {
        guard sequence.indexed < sequence.computed / 2 else { return }
        if let tail = sequence.tail, !naive.isCurrent(tail.path, tail.entry) {
            sequence.indexed = 0
            returns += 1
        }
        for count in sequence.indexed + 1...sequence.computed / 2 {
            let path = naive.path(sequence.digest, sequence.tokens, blocks: count)
            let entry = naive.settle(path, sequence.pages.blocks[count - 1])
            twins += entry.block == sequence.pages.blocks[count - 1] ? 0 : 1
            sequence.tail = (path, entry)
        }
        sequence.indexed = sequence.computed / 2
    }

    mutating func end(_ number: Int) {
        var sequence = sequences.remove(at: number)
        let isCurrent = sequence.tail.map { naive.isCurrent($0.path, $0.entry) } ?? false
        for index in sequence.pages.blocks.indices.reversed() {
            let block = sequence.pages.blocks[index]
            naive.release(block)
            let path = naive.path(sequence.digest, sequence.tokens, blocks: index + 1)
            let isTwin = naive.entries[path].map { $0.block != block } ?? false
            if isCurrent, isTwin, index < sequence.indexed { naive.touch(path) }
        }
        cache.free(&sequence.pages)
    }

    /// Lends some neighbouring blocks and gets them back: what was cached there is forgotten.
    mutating func lend() throws {
        let count = Int.random(in: 1...4, using: &random)
        guard let blocks = cache.takeBlocks(count, contiguous: true) else { return }
        try expect(blocks.count == count, "lent \(blocks)")
        for block in blocks { try expect(naive.lend(block), "block \(block) was in use") }
        cache.returnBlocks(blocks)
        loans += 1
    }

    mutating func token() -> TokenID { TokenID(Int32.random(in: 0...1, using: &random)) }

    func compare(_ moment: String) throws {
        cache.checkInvariants(sequences: sequences.map(\.pages))
        try expect(cache.freeBlockCount == naive.free.count, "\(moment): free \(cache.freeBlockCount)")
        try expect(cache.cachedBlockCount == naive.line.count, "\(moment): cached \(cache.cachedBlockCount)")
        try expect(cache.heldBlockCount == naive.holders.count, "\(moment): held \(cache.heldBlockCount)")
        try expect(cache.pool.leastRecentlyUsed == naive.line.first, "\(moment): next to be evicted")
        try expect(cache.index.count == naive.entries.count, "\(moment): indexed \(cache.index.count)")
    }

    func expect(_ condition: Bool, _ what: @autoclosure () -> String) throws {
        if !condition { throw Mismatch(what: what()) }
    }
}
