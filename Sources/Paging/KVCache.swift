package import Core

/// The block bookkeeping of a paged KV cache with prefix reuse: which block is whose, and what is in it.
///
/// Integers only; the keys and values themselves are a backend's. Used from the engine's one thread. A sequence's life:
///
///     startSequence → (reserve → step → commit)* → free
///
/// Two sequences that fill equal blocks at once keep both: the first is indexed, the second stays private.
package struct KVCache: Sendable {
    /// Tokens in one block.
    package let blockSize: Int
    /// The longest sequence that `reserve` is asked for, in tokens.
    package let maxTokensPerSequence: Int
    /// Whether full blocks are indexed and found again.
    ///
    /// Off, every block is its sequence's alone.
    package let enablesPrefixCaching: Bool
    package internal(set) var statistics = KVCacheStatistics()

    var pool: BlockPool
    var index: PrefixIndex

    /// - Parameters:
    ///   - blockCount: at least 1.
    ///   - blockSize: tokens in one block, at least 1; all blocks together hold at most `Int32.max` tokens.
    ///   - maxTokensPerSequence: the model's context; page tables get room for it.
    package init(
        blockCount: Int,
        blockSize: Int,
        maxTokensPerSequence: Int,
        enablesPrefixCaching: Bool = true
    ) throws(PagingError) {
        guard blockCount >= 1 else { throw .notPositive(field: "blockCount", value: blockCount) }
        guard blockSize >= 1 else { throw .notPositive(field: "blockSize", value: blockSize) }
        guard maxTokensPerSequence >= 1 else {
            throw .notPositive(field: "maxTokensPerSequence", value: maxTokensPerSequence)
        }
        let (positions, overflows) = blockCount.multipliedReportingOverflow(by: blockSize)
        guard !overflows, positions <= Int32.max else {
            throw .tooManyPositions(blockCount: blockCount, blockSize: blockSize, limit: Int(Int32.max))
        }
        self.blockSize = blockSize
        self.maxTokensPerSequence = maxTokensPerSequence
        self.enablesPrefixCaching = enablesPrefixCaching
        pool = BlockPool(count: blockCount)
        index = PrefixIndex(blockCount: blockCount, blockSize: blockSize)
    }

    package var blockCount: Int { pool.count }
    package var freeBlockCount: Int { pool.freeCount }
    package var heldBlockCount: Int { pool.heldCount }
    package var cachedBlockCount: Int { pool.cachedCount }
    /// Free and cached blocks: all that a sequence can still get.
    package var availableBlockCount: Int { pool.availableCount }

    /// How many blocks a sequence of this length fills or begins.
    package func blockCount(forTokens tokenCount: Int) -> Int { (tokenCount + blockSize - 1) / blockSize }

    /// The place of a token's keys and values in the cache, `0 ..< blockCount · blockSize`.
    ///
    /// - Parameters:
    ///   - tokenIndex: the token's index in its sequence.
    ///   - blocks: the sequence's, with room for the token.
    package func kvPosition(of tokenIndex: Int, in blocks: [BlockID]) -> Int32 {
        let (block, offset) = tokenIndex.quotientAndRemainder(dividingBy: blockSize)
        return blocks[block].rawValue * Int32(blockSize) + Int32(offset)
    }

    /// Begins a sequence, holding the cached blocks that its tokens begin with under its adapter.
    ///
    /// - Parameters:
    ///   - digest: the adapter's identity; nil for the bare base.
    ///   - tokens: all tokens known: the prompt and, after a resume, what was generated.
    /// - Returns: the page table, and how many tokens need no computing: a multiple of `blockSize`, less than
    ///   `tokens.count`.
    package mutating func startSequence(
        digest: AdapterDigest?,
        tokens: Span<TokenID>
    ) -> (pages: PageTable, cachedTokens: Int) {
        let capacity = blockCount(forTokens: maxTokensPerSequence)
        var pages = PageTable(blockSize: blockSize, digest: digest, capacity: min(capacity, pool.count))
        guard enablesPrefixCaching else { return (pages, 0) }
        index.match(digest: digest, tokens: tokens, into: &pages.blocks)
        for block in pages.blocks { pool.retain(block) }
        pages.indexedCount = pages.blocks.count
        pages.tail = pages.blocks.last.map { index.entry(of: $0) }
        return (pages, pages.reservedTokenCount)
    }

    /// Counts a sequence that has begun for good: one that finds too few blocks begins again later.
    package mutating func countStart(tokenCount: Int, cachedTokens: Int) {
        guard enablesPrefixCaching else { return }
        statistics.queriedTokens += tokenCount
        statistics.hitTokens += cachedTokens
    }

    /// Grows a sequence's blocks to hold `tokenCount` tokens, evicting cached blocks if need be: all or nothing.
    ///
    /// - Returns: false when blocks run out; then nothing has changed.
    package mutating func reserve(_ pages: inout PageTable, upTo tokenCount: Int) -> Bool {
        precondition(tokenCount <= maxTokensPerSequence, "\(tokenCount) tokens exceed \(maxTokensPerSequence)")
        let needed = blockCount(forTokens: tokenCount) - pages.blocks.count
        guard needed <= pool.availableCount else { return false }
        for _ in 0..<max(0, needed) { pages.blocks.append(allocate()) }
        return true
    }

    /// Ends a sequence's hold on its blocks and empties its page table.
    ///
    /// Indexed blocks become cached, the others free. The last goes back first, so that in the line of cached blocks
    /// every block stands before the ones it builds on and tails are evicted first.
    package mutating func free(_ pages: inout PageTable) {
        var indexed = pages.tail.flatMap { index.isCurrent($0) ? $0.node : nil }
        for number in pages.blocks.indices.reversed() {
            let block = pages.blocks[number]
            pool.release(block, cached: index.contains(block))
            guard number < pages.indexedCount, let node = indexed else { continue }
            // Where an equal block of another sequence is indexed instead of ours, this was a use of it.
            if let twin = index.block(of: node), twin != block { pool.touch(twin) }
            indexed = index.parents[node.index]
        }
        pages = PageTable(blockSize: blockSize, digest: pages.digest, capacity: 0)
    }

    mutating func allocate() -> BlockID {
        if pool.freeCount == 0 { evict() }
        guard let block = pool.takeFree() else { preconditionFailure("no block is available") }
        return block
    }
}
