package import Backends

/// Sizes of one engine.
package struct EngineConfiguration: Sendable, Equatable {
    /// Most sequences running at once.
    package var maxSequences: Int
    /// The token budget of a step: rows of one forward pass.
    package var maxBatchedTokens: Int
    /// Most sequences waiting; more are refused.
    package var maxWaiting: Int
    /// Longest prompt and answer together.
    package var maxSequenceLength: Int
    /// Tokens in a block of the KV cache.
    package var blockSize: Int
    package var blockCount: Int
    /// Whether sequences of one adapter that begin alike share blocks.
    package var sharesPrefixes: Bool

    package init(
        maxSequences: Int = 64,
        maxBatchedTokens: Int = 512,
        maxWaiting: Int = 1024,
        maxSequenceLength: Int,
        blockSize: Int = 16,
        blockCount: Int,
        sharesPrefixes: Bool = true
    ) {
        self.maxSequences = maxSequences
        self.maxBatchedTokens = max(maxBatchedTokens, maxSequences)
        self.maxWaiting = maxWaiting
        // One sequence alone must always fit, or it could never be served.
        self.maxSequenceLength = min(maxSequenceLength, blockCount * blockSize)
        self.blockSize = blockSize
        self.blockCount = blockCount
        self.sharesPrefixes = sharesPrefixes
    }

    /// The largest step: its pages are whole sequences, since all may be of the greatest length.
    package var batchLimits: BatchLimits {
        let pagesPerSequence = (maxSequenceLength + blockSize - 1) / blockSize
        return BatchLimits(
            tokens: maxBatchedTokens,
            sequences: maxSequences,
            pages: maxSequences * pagesPerSequence
        )
    }
}
