package import Core

/// The blocks of a KV cache: who holds each, and which may be taken.
///
/// Knows ids and counts, never contents.
///
/// Every block is in one state:
///
///     free     content is worthless                        can transition to: held
///     held     references >= 1, shared by prefix reuse     can transition to: cached, free
///     cached   references == 0, content worth finding      can transition to: held, free
///
/// Cached blocks stand in a line, least recently used first. Nothing allocates after `init`.
package struct BlockPool: Sendable {
    enum State: UInt8 { case free, held, cached }

    /// How many blocks there are in all.
    package let count: Int
    /// Blocks with at least one reference.
    package private(set) var heldCount = 0
    /// Blocks without reference that still stand in the line.
    package private(set) var cachedCount = 0
    /// The cached block that was given back longest ago.
    package private(set) var leastRecentlyUsed: BlockID?

    var states: [State]
    var references: [Int32]
    /// Free blocks, the next to be taken last.
    var free: [BlockID]
    private(set) var mostRecentlyUsed: BlockID?
    private(set) var older: [BlockID?]
    private(set) var newer: [BlockID?]

    /// - Parameter count: at least 1, at most `Int32.max`.
    package init(count: Int) {
        precondition((1...Int(Int32.max)).contains(count), "cannot have \(count) blocks")
        self.count = count
        states = Array(repeating: .free, count: count)
        references = Array(repeating: 0, count: count)
        free = (0..<count).reversed().map { BlockID(Int32($0)) }
        older = Array(repeating: nil, count: count)
        newer = Array(repeating: nil, count: count)
    }

    /// Blocks that nothing is known to be in.
    package var freeCount: Int { free.count }

    /// Blocks that can be had: the free and, by forgetting what they hold, the cached.
    package var availableCount: Int { freeCount + cachedCount }

    /// Takes a free block with one reference; nil when none is free, however many are cached.
    package mutating func takeFree() -> BlockID? {
        guard let block = free.popLast() else { return nil }
        hold(block)
        return block
    }

    /// Takes neighbouring free blocks with one reference each. Linear in the number of free blocks.
    mutating func takeFree(_ run: Range<Int>) {
        free.removeAll { run.contains($0.index) }
        for number in run {
            precondition(states[number] == .free, "block \(number) is not free")
            hold(BlockID(Int32(number)))
        }
    }

    private mutating func hold(_ block: BlockID) {
        states[block.index] = .held
        references[block.index] = 1
        heldCount += 1
    }

    /// The `length` blocks with the highest ids that follow each other and are free or, where there are none, cached
    /// or free. Linear in the number of blocks.
    ///
    /// - Parameter length: at least 1.
    func lastRun(of length: Int) -> Range<Int>? {
        var (free, available) = (0, 0)
        var second: Range<Int>?
        for number in states.indices.reversed() {
            let state = states[number]
            free = state == .free ? free + 1 : 0
            available = state == .held ? 0 : available + 1
            if free == length { return number..<number + length }
            if available == length, second == nil { second = number..<number + length }
        }
        return second
    }

    /// Adds a reference to a held or cached block.
    package mutating func retain(_ block: BlockID) {
        switch states[block.index] {
        case .held: break
        case .cached:
            unlink(block)
            cachedCount -= 1
            heldCount += 1
            states[block.index] = .held
        case .free: preconditionFailure("cannot retain block \(block): it is free")
        }
        references[block.index] += 1
    }

    /// Gives one reference back.
    ///
    /// With the last one the block becomes the newest cached one, or free.
    ///
    /// - Parameter cached: whether the content is worth keeping, asked when nobody holds the block any longer.
    package mutating func release(_ block: BlockID, cached: Bool) {
        precondition(states[block.index] == .held, "cannot release block \(block): it is \(states[block.index])")
        references[block.index] -= 1
        guard references[block.index] == 0 else { return }
        heldCount -= 1
        if cached {
            states[block.index] = .cached
            cachedCount += 1
            appendNewest(block)
        } else {
            states[block.index] = .free
            free.append(block)
        }
    }

    /// Moves a cached block to the newest end of the line; does nothing to a held one.
    package mutating func touch(_ block: BlockID) {
        guard states[block.index] == .cached else { return }
        unlink(block)
        appendNewest(block)
    }

    /// Makes a cached block free; does nothing to a held one.
    ///
    /// Returns whether it was cached.
    package mutating func discard(_ block: BlockID) -> Bool {
        guard states[block.index] == .cached else { return false }
        unlink(block)
        cachedCount -= 1
        states[block.index] = .free
        free.append(block)
        return true
    }

    private mutating func appendNewest(_ block: BlockID) {
        older[block.index] = mostRecentlyUsed
        newer[block.index] = nil
        if let last = mostRecentlyUsed { newer[last.index] = block } else { leastRecentlyUsed = block }
        mostRecentlyUsed = block
    }

    private mutating func unlink(_ block: BlockID) {
        let before = older[block.index]
        let after = newer[block.index]
        if let before { newer[before.index] = after } else { leastRecentlyUsed = after }
        if let after { older[after.index] = before } else { mostRecentlyUsed = before }
        older[block.index] = nil
        newer[block.index] = nil
    }
}

extension BlockID {
    /// The place of this block in arrays that have one element for each block.
    var index: Int { Int(rawValue) }
}
