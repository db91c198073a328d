import Backends

extension ModelShape {
    /// Small numbers that can be told apart.
    static let small = ModelShape(
        layers: 2,
        hiddenSize: 64,
        heads: 4,
        keyValueHeads: 2,
        headSize: 16,
        intermediateSize: 128,
        vocabularySize: 100
    )
}
