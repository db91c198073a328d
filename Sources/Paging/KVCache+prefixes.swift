package import Core

extension KVCache {
    /// Whether a block of a sequence becomes full as its computed tokens grow, so that `commit` has something to index.
    package func fillsBlock(from before: Int, to computed: Int) -> Bool {
        enablesPrefixCaching && before / blockSize < computed / blockSize
    }

    /// Indexes the blocks of a sequence that have become full, so that others can find them.
    ///
    /// Costs nothing unless a block has become full.
    ///
    /// - Parameters:
    ///   - tokens: all tokens of the sequence.
    ///   - computed: how many leading tokens have their keys and values in the cache, at most `tokens.count` and
    ///     `pages.reservedTokenCount`.
    package mutating func commit(_ pages: inout PageTable, tokens: Span<TokenID>, computed: Int) {
        precondition(computed <= tokens.count, "\(computed) computed of \(tokens.count) tokens")
        precondition(computed <= pages.reservedTokenCount, "\(computed) computed in \(pages.reservedTokenCount)")
        guard enablesPrefixCaching, pages.indexedCount < computed / blockSize else { return }
        var parent: PrefixIndex.Node?
        if let tail = pages.tail {
            // If the path was forgotten meanwhile, this sequence's own blocks bring it back from the root on.
            if index.isCurrent(tail) { parent = tail.node } else { pages.indexedCount = 0 }
        }
        for number in pages.indexedCount..<computed / blockSize {
            let content = tokens.extracting(number * blockSize..<(number + 1) * blockSize)
            let block = settle(pages.blocks[number], below: parent ?? index.root(of: pages.digest), content)
            parent = index.node(of: block)
            pages.tail = index.entry(of: block)
        }
        pages.indexedCount = computed / blockSize
    }

    /// The indexed block with this content: one that already was, or else `block`.
    private mutating func settle(
        _ block: BlockID,
        below parent: PrefixIndex.Node,
        _ content: Span<TokenID>
    ) -> BlockID {
        if let first = index.child(of: parent, content) { return first }
        index.insert(block, below: parent, content)
        return block
    }

    /// Makes the least recently used cached block free, with all that is indexed below it.
    ///
    /// Nothing cached stands below it as a rule, for `free` gives tails back first. The exception are sequences that
    /// grew from private copies of this block: without it their blocks could not be found, so they are forgotten too.
    mutating func evict() {
        guard let block = pool.leastRecentlyUsed else { return }
        forget(tree: block)
    }

    /// Makes a cached block free, with all that is indexed below it; does nothing to a free one.
    mutating func forget(tree block: BlockID) {
        guard index.contains(block) else { return }
        forgetDescendants(of: index.node(of: block))
        forget(block)
    }

    /// Walks down to a leaf, forgets it, and goes on from its parent, until `top` has no children.
    private mutating func forgetDescendants(of top: PrefixIndex.Node) {
        var node = top
        while true {
            if let child = index.firstChildren[node.index] {
                node = index.node(of: child)
            } else if node != top, let block = index.block(of: node), let parent = index.parents[node.index] {
                forget(block)
                node = parent
            } else {
                return
            }
        }
    }

    private mutating func forget(_ block: BlockID) {
        index.forget(block)
        _ = pool.discard(block)
    }
}
