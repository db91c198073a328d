import Core

extension PrefixIndex {
    /// The root of an adapter, made if there is none yet.
    ///
    /// A root without children is dropped with its last child only, so the caller must add one.
    mutating func root(of digest: AdapterDigest?) -> Node {
        if let root = roots[digest] { return root }
        guard let root = freeRoots.popLast() else { preconditionFailure("more roots than blocks") }
        roots[digest] = root
        rootDigests[root.index - blockCount] = digest
        return root
    }

    /// Indexes a block as the child of `parent` with these tokens.
    ///
    /// - Precondition: the block is not indexed, and no child of `parent` has these tokens.
    mutating func insert(_ block: BlockID, below parent: Node, _ content: Span<TokenID>) {
        precondition(parents[block.index] == nil, "block \(block) is indexed already")
        precondition(content.count == blockSize, "\(content.count) tokens do not fill a block of \(blockSize)")
        for offset in 0..<blockSize { tokens[block.index * blockSize + offset] = content[offset] }
        parents[block.index] = parent
        lives[block.index] += 1
        count += 1
        addSibling(block, below: parent)
        let hash = Self.hash(parent, content)
        let bucket = hash & (buckets.count - 1)
        hashes[block.index] = hash
        nextInBucket[block.index] = buckets[bucket]
        buckets[bucket] = block
    }

    /// Forgets one block.
    ///
    /// The last child takes its root along.
    ///
    /// - Precondition: the block is indexed and has no children.
    mutating func forget(_ block: BlockID) {
        guard let parent = parents[block.index] else { preconditionFailure("block \(block) is not indexed") }
        precondition(firstChildren[block.index] == nil, "block \(block) still carries others")
        parents[block.index] = nil
        count -= 1
        removeSibling(block, below: parent)
        removeFromBucket(block)
        if parent.index >= blockCount, firstChildren[parent.index] == nil { drop(root: parent) }
    }

    private mutating func drop(root: Node) {
        let number = root.index - blockCount
        roots[rootDigests[number]] = nil
        rootDigests[number] = nil
        freeRoots.append(root)
    }

    private mutating func addSibling(_ block: BlockID, below parent: Node) {
        let first = firstChildren[parent.index]
        nextSiblings[block.index] = first
        previousSiblings[block.index] = nil
        if let first { previousSiblings[first.index] = block }
        firstChildren[parent.index] = block
    }

    private mutating func removeSibling(_ block: BlockID, below parent: Node) {
        let previous = previousSiblings[block.index]
        let next = nextSiblings[block.index]
        if let previous { nextSiblings[previous.index] = next } else { firstChildren[parent.index] = next }
        if let next { previousSiblings[next.index] = previous }
        nextSiblings[block.index] = nil
        previousSiblings[block.index] = nil
    }

    private mutating func removeFromBucket(_ block: BlockID) {
        let bucket = hashes[block.index] & (buckets.count - 1)
        let after = nextInBucket[block.index]
        nextInBucket[block.index] = nil
        guard var previous = buckets[bucket] else { preconditionFailure("block \(block) is in no bucket") }
        if previous == block { return buckets[bucket] = after }
        while let next = nextInBucket[previous.index], next != block { previous = next }
        nextInBucket[previous.index] = after
    }
}
