/// The sizes of a decoder that a device compiles its kernels for.
package struct ModelShape: Sendable, Equatable {
    package let layers: Int
    package let hiddenSize: Int
    package let heads: Int
    package let keyValueHeads: Int
    package let headSize: Int
    package let intermediateSize: Int
    package let vocabularySize: Int

    package init(
        layers: Int,
        hiddenSize: Int,
        heads: Int,
        keyValueHeads: Int,
        headSize: Int,
        intermediateSize: Int,
        vocabularySize: Int
    ) {
        self.layers = layers
        self.hiddenSize = hiddenSize
        self.heads = heads
        self.keyValueHeads = keyValueHeads
        self.headSize = headSize
        self.intermediateSize = intermediateSize
        self.vocabularySize = vocabularySize
    }

    /// Columns of stacked queries, keys and values.
    package var queryKeyValueWidth: Int { (heads + 2 * keyValueHeads) * headSize }

    /// Numbers that a token leaves in the KV cache of all layers.
    package var cachedNumbersPerToken: Int { 2 * layers * keyValueHeads * headSize }

    /// Numbers of all dense weights and the two tables.
    var weightCount: Int {
        let attention = hiddenSize * queryKeyValueWidth + heads * headSize * hiddenSize
        return layers * (attention + 3 * hiddenSize * intermediateSize) + 2 * vocabularySize * hiddenSize
    }
}
