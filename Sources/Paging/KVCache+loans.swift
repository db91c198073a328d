package import Core

/// Blocks lent for something else than keys and values: adapters live in the same memory.
extension KVCache {
    /// Takes blocks, evicting cached ones if need be: all or nothing.
    ///
    /// Blocks that follow each other are preferred, from the high end of the cache, since an adapter then arrives in
    /// one copy; sequences take theirs from the low end as long as there are fresh ones.
    ///
    /// - Parameter contiguous: whether anything else is of no use.
    /// - Returns: ascending ids, each with one reference; nil when there are too few.
    package mutating func takeBlocks(_ count: Int, contiguous: Bool) -> [BlockID]? {
        guard count > 0 else { return [] }
        guard count <= pool.availableCount else { return nil }
        if let run = pool.lastRun(of: count) {
            let blocks = run.map { BlockID(Int32($0)) }
            for block in blocks { forget(tree: block) }
            pool.takeFree(run)
            return blocks
        }
        guard !contiguous else { return nil }
        return (0..<count).map { _ in allocate() }.sorted()
    }

    /// Gives lent blocks back.
    package mutating func returnBlocks(_ blocks: [BlockID]) {
        for block in blocks.reversed() { pool.release(block, cached: false) }
    }
}
