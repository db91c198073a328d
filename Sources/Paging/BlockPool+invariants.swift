import Core

extension BlockPool {
    /// Traps unless every block is in exactly one state and the line of cached blocks is whole.
    ///
    /// O(blocks).
    package func checkInvariants() {
        var counts = (free: 0, held: 0, cached: 0)
        for block in 0..<count {
            switch states[block] {
            case .free: counts.free += 1
            case .held: counts.held += 1
            case .cached: counts.cached += 1
            }
            let isHeld = states[block] == .held
            precondition(
                isHeld == (references[block] > 0),
                "\(states[block]) \(block): \(references[block]) references"
            )
        }
        precondition(counts == (freeCount, heldCount, cachedCount), "counted \(counts), said otherwise")
        precondition(Set(free).count == free.count, "a block is free twice")
        precondition(free.allSatisfy { states[$0.index] == .free }, "a block to be taken is in use")
        checkLine()
    }

    private func checkLine() {
        var length = 0
        var previous: BlockID?
        var next = leastRecentlyUsed
        while let block = next {
            precondition(states[block.index] == .cached, "block \(block) in the line is \(states[block.index])")
            precondition(older[block.index] == previous, "block \(block) points back wrongly")
            length += 1
            precondition(length <= count, "the line of cached blocks is a ring")
            previous = block
            next = newer[block.index]
        }
        precondition(previous == mostRecentlyUsed && length == cachedCount, "the line of cached blocks is broken")
    }
}
