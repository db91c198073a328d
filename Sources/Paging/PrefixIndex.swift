package import Core

/// Which full blocks hold the keys and values of which token path under which adapter.
///
/// A forest: one root for each adapter digest (and one for the bare base), below it one node for each indexed block.
/// A node is found by hash and *confirmed by comparing* parent and tokens, so two tenants or two texts can never meet.
/// Keys and values depend on all tokens before them, which is why a block is named by its whole path.
///
///     base ── [t0 t1] ── [t2 t3]          node = block id
///                    └── [t2 t9]          root = blockCount + number of the root
///     7f3a… ─ [t0 t1]                     equal tokens, other adapter: another path
///
/// A node's parent is always indexed too: leaves are forgotten before what they stand on. Everything is a dense array
/// made by `init`, but for the small dictionary of roots.
package struct PrefixIndex: Sendable {
    /// A node number: a block's id, or past the last block the number of a root.
    struct Node: Hashable, Sendable {
        let index: Int
    }

    /// A node and which of its lives is meant: a block forgotten and indexed again is another entry.
    struct Entry: Hashable, Sendable {
        let node: Node
        let life: UInt64
    }

    let blockCount: Int
    let blockSize: Int
    /// How many blocks are indexed.
    package internal(set) var count = 0

    var roots: [AdapterDigest?: Node] = [:]
    var freeRoots: [Node]
    /// The digest of each root in use, by the number of the root.
    var rootDigests: [AdapterDigest?]
    /// By block: its parent, nil while the block is not indexed.
    var parents: [Node?]
    /// By block: how often it was indexed.
    var lives: [UInt64]
    /// By node: the child indexed last, from which `nextSiblings` leads to the others.
    var firstChildren: [BlockID?]
    var nextSiblings: [BlockID?]
    var previousSiblings: [BlockID?]
    /// By block: its tokens, `blockSize` each.
    var tokens: [TokenID]
    /// By block: its hash, and the next block of the same bucket.
    var hashes: [Int]
    var nextInBucket: [BlockID?]
    var buckets: [BlockID?]

    /// - Parameters:
    ///   - blockCount: at least 1.
    ///   - blockSize: tokens in one block, at least 1.
    package init(blockCount: Int, blockSize: Int) {
        self.blockCount = blockCount
        self.blockSize = blockSize
        // A root in use has a child, so there are never more roots than blocks.
        freeRoots = (0..<blockCount).reversed().map { Node(index: blockCount + $0) }
        rootDigests = Array(repeating: nil, count: blockCount)
        parents = Array(repeating: nil, count: blockCount)
        lives = Array(repeating: 0, count: blockCount)
        firstChildren = Array(repeating: nil, count: 2 * blockCount)
        nextSiblings = Array(repeating: nil, count: blockCount)
        previousSiblings = Array(repeating: nil, count: blockCount)
        tokens = Array(repeating: TokenID(0), count: blockCount * blockSize)
        hashes = Array(repeating: 0, count: blockCount)
        nextInBucket = Array(repeating: nil, count: blockCount)
        // A power of two, so that a mask finds the bucket; at most half full.
        buckets = Array(repeating: nil, count: 1 << (Int.bitWidth - (2 * blockCount - 1).leadingZeroBitCount))
    }

    /// Whether a block's content can be found.
    package func contains(_ block: BlockID) -> Bool { parents[block.index] != nil }

    /// Appends the longest run of indexed blocks that begin `tokens`, always leaving at least one token over.
    ///
    /// One token must be computed whatever is cached: its logits are what the first step is for.
    func match(digest: AdapterDigest?, tokens: Span<TokenID>, into blocks: inout [BlockID]) {
        guard var node = roots[digest] else { return }
        for index in 0..<max(0, (tokens.count - 1) / blockSize) {
            let content = tokens.extracting(index * blockSize..<(index + 1) * blockSize)
            guard let block = child(of: node, content) else { return }
            blocks.append(block)
            node = self.node(of: block)
        }
    }

    /// The indexed block with these tokens right after `parent`.
    func child(of parent: Node, _ content: Span<TokenID>) -> BlockID? {
        let hash = Self.hash(parent, content)
        var next = buckets[hash & (buckets.count - 1)]
        while let block = next {
            if hashes[block.index] == hash, parents[block.index] == parent, holds(block, content) { return block }
            next = nextInBucket[block.index]
        }
        return nil
    }

    func node(of block: BlockID) -> Node { Node(index: block.index) }

    /// The block of a node; nil for a root.
    func block(of node: Node) -> BlockID? { node.index < blockCount ? BlockID(Int32(node.index)) : nil }

    /// This life of an indexed block, to be asked later whether it is over.
    func entry(of block: BlockID) -> Entry {
        precondition(contains(block), "block \(block) is not indexed")
        return Entry(node: node(of: block), life: lives[block.index])
    }

    /// Whether an entry has not been forgotten since.
    func isCurrent(_ entry: Entry) -> Bool {
        parents[entry.node.index] != nil && lives[entry.node.index] == entry.life
    }

    private func holds(_ block: BlockID, _ content: Span<TokenID>) -> Bool {
        let start = block.index * blockSize
        for offset in 0..<blockSize where tokens[start + offset] != content[offset] { return false }
        return true
    }

    /// Keyed with the process's random seed, so that no client can aim at one bucket.
    static func hash(_ parent: Node, _ content: Span<TokenID>) -> Int {
        var hasher = Hasher()
        hasher.combine(parent.index)
        for offset in 0..<content.count { hasher.combine(content[offset].rawValue) }
        return hasher.finalize()
    }
}
