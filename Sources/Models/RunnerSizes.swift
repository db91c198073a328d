package import Backends

/// What a runner makes room for.
package struct RunnerSizes: Sendable, Equatable {
    /// The largest step.
    package let limits: BatchLimits
    /// Blocks of the KV cache.
    package let blocks: Int
    /// Tokens in a block.
    package let blockSize: Int
    /// The longest sequence.
    package let positions: Int

    package init(limits: BatchLimits, blocks: Int, blockSize: Int, positions: Int) {
        self.limits = limits
        self.blocks = blocks
        self.blockSize = blockSize
        self.positions = positions
    }
}
