import Core

extension PrefixIndex {
    /// Traps unless every indexed block hangs under a root, is found by its tokens, and is alone with them.
    ///
    /// O(blocks).
    package func checkInvariants() {
        var indexed = 0
        for number in 0..<blockCount {
            let block = BlockID(Int32(number))
            guard let parent = parents[number] else {
                precondition(firstChildren[number] == nil, "forgotten block \(block) still has children")
                continue
            }
            indexed += 1
            check(block, below: parent)
        }
        precondition(indexed == count, "\(indexed) blocks are indexed, not \(count)")
        precondition(roots.count + freeRoots.count == blockCount, "a root is lost")
        for (digest, root) in roots {
            precondition(rootDigests[root.index - blockCount] == digest, "a root has another's digest")
            precondition(firstChildren[root.index] != nil, "a root has no children")
        }
        precondition(reachableCount() == count, "an indexed block hangs under no root")
    }

    private func check(_ block: BlockID, below parent: Node) {
        if let above = self.block(of: parent) {
            precondition(parents[above.index] != nil, "block \(block) stands on forgotten block \(above)")
        }
        let start = block.index * blockSize
        let content = Array(tokens[start..<start + blockSize])
        // A twin with the same tokens would hide one of the two, whichever comes later in the bucket.
        precondition(child(of: parent, content.span) == block, "block \(block) is not found by its tokens")
        if let next = nextSiblings[block.index] {
            precondition(previousSiblings[next.index] == block && parents[next.index] == parent, "siblings are broken")
        }
    }

    private func reachableCount() -> Int {
        var open = roots.values.map(\.index)
        var seen = 0
        while let node = open.popLast() {
            var next = firstChildren[node]
            while let block = next {
                seen += 1
                precondition(seen <= count, "the forest has a ring")
                open.append(block.index)
                next = nextSiblings[block.index]
            }
        }
        return seen
    }
}
