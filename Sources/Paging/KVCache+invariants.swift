package import Core

extension KVCache {
    /// Traps unless blocks, counts and index agree with each other and with the sequences alive.
    ///
    /// O(blocks).
    ///
    /// - Parameters:
    ///   - sequences: every page table that was started and not freed.
    ///   - lent: the blocks that `takeBlocks` gave and nobody returned.
    package func checkInvariants(sequences: [PageTable], lent: [BlockID] = []) {
        pool.checkInvariants()
        index.checkInvariants()
        var references = Array(repeating: Int32(0), count: pool.count)
        for pages in sequences {
            precondition(Set(pages.blocks).count == pages.blocks.count, "a sequence holds a block twice")
            precondition(pages.indexedCount <= pages.blocks.count, "more indexed than held")
            for block in pages.blocks { references[block.index] += 1 }
        }
        for block in lent { references[block.index] += 1 }
        precondition(references == pool.references, "references \(pool.references), held \(references)")
        for block in 0..<pool.count {
            let isIndexed = index.contains(BlockID(Int32(block)))
            switch pool.states[block] {
            case .free: precondition(!isIndexed, "free block \(block) can still be found")
            case .cached: precondition(isIndexed, "cached block \(block) cannot be found")
            case .held: break
            }
        }
        precondition(enablesPrefixCaching || index.count == 0, "blocks are indexed though caching is off")
    }
}
