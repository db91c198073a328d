/// What a runner says of itself when it joins; fixed until it joins again.
package struct RunnerDescription: Sendable, Equatable {
    package var id: RunnerID
    /// Most sequences of one step, from the runner's own profile.
    package var maxBatch: Int
    /// Blocks that keys, values and adapters share.
    package var blockCount: Int
    /// Tokens of one block.
    package var blockSize: Int
    /// Bytes of one block, of which adapters take whole ones; nil where adapters do not share the blocks' memory.
    package var blockBytes: Int?
    /// The pool's name of the machine it runs on, if a pool started it.
    package var machine: String?

    /// - Precondition: `maxBatch`, `blockCount`, `blockSize` and `blockBytes` are positive; whoever reads them from a
    ///   network checks that first.
    package init(
        id: RunnerID,
        maxBatch: Int,
        blockCount: Int,
        blockSize: Int,
        blockBytes: Int? = nil,
        machine: String? = nil
    ) {
        precondition(maxBatch > 0 && blockCount > 0 && blockSize > 0 && (blockBytes ?? 1) > 0)
        self.id = id
        self.maxBatch = maxBatch
        self.blockCount = blockCount
        self.blockSize = blockSize
        self.blockBytes = blockBytes
        self.machine = machine
    }

    var memory: MemoryShape { MemoryShape(blockCount: blockCount, blockSize: blockSize, blockBytes: blockBytes) }
}

/// How a runner's memory is cut; what a request takes of it depends on nothing else.
struct MemoryShape: Sendable, Hashable {
    let blockCount: Int
    let blockSize: Int
    let blockBytes: Int?

    /// Blocks for so many tokens and the next.
    func blocks(tokens: Int) -> Int { tokens / blockSize + 1 }

    func blocks(adapterBytes: Int) -> Int {
        guard let blockBytes else { return 0 }
        return (adapterBytes + blockBytes - 1) / blockBytes
    }

    /// Blocks to start a request now, its adapter included if that is not in use there.
    func need(_ request: PlacementRequest, withAdapter: Bool) -> Int {
        blocks(tokens: request.tokens) + (withAdapter ? blocks(adapterBytes: request.adapterBytes) : 0)
    }

    /// Whether a request could run to its last token here, were it alone.
    func canHold(_ request: PlacementRequest) -> Bool {
        let longest = max(request.promptTokens + request.maxTokens, request.tokens + 1)
        return blocks(tokens: longest - 1) + blocks(adapterBytes: request.adapterBytes) <= blockCount
    }
}
