package import Core

/// Where one sequence's keys and values lie: its blocks, in the order of its tokens.
///
///     tokens     0 ............ cached ............ computed ............ reserved
///                |-- found by prefix --|-- filled by steps --|-- room for coming steps --|
///     blocks     |   shared, whole     |  own                |  own                      |
///                                      `commit` indexes own blocks as they fill
///
/// Token `i` is in block `blocks[i / blockSize]` at offset `i % blockSize`. Made by `KVCache.startSequence`, given back
/// by `KVCache.free`; a copy is no second hold on the blocks, so only one copy may be given back.
package struct PageTable: Sendable, Equatable {
    /// Tokens in one block.
    package let blockSize: Int
    /// The adapter whose keys and values these are; nil for the bare base.
    package let digest: AdapterDigest?
    /// One id for each block held; its storage has room for the longest sequence from the start.
    package internal(set) var blocks: [BlockID]
    /// How many leading blocks the prefix index knows, in these blocks or in equal ones of others.
    var indexedCount = 0
    /// The index's entry for the last of them; nil when there is none.
    var tail: PrefixIndex.Entry?

    init(blockSize: Int, digest: AdapterDigest?, capacity: Int) {
        self.blockSize = blockSize
        self.digest = digest
        blocks = []
        blocks.reserveCapacity(capacity)
    }

    /// How many tokens the blocks have room for.
    package var reservedTokenCount: Int { blocks.count * blockSize }
}
