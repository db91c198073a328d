package import Core

/// An adapter in host memory, checked against its base and ready to be applied.
///
/// Owns its bytes: the directory that it came from may change or vanish.
package final class LoadedAdapter: Sendable {
    package let digest: AdapterDigest
    /// Host memory held: tensors with their alignment, and DoRA scales.
    package let byteCount: Int
    package let summary: AdapterSummary
    /// Update of the embedding table: `a` is `[rank, V]`, `b` is `[E, rank]`.
    package let embedding: LowRankPair?
    /// Update of the output head: `a` is `[rank, E]`, `b` is `[V, rank]`.
    package let head: LowRankPair?
    /// `[layerCount · 7]`: layer by layer, in the order of `Projection`.
    package let projections: [LowRankPair?]

    /// - Parameters:
    ///   - digest: identity of the content; see `AdapterContent.digest`.
    ///   - projections: `[layerCount · 7]`, layer by layer, in the order of `Projection`.
    ///   - byteCount: host memory that the pairs hold.
    package init(
        digest: AdapterDigest,
        projections: [LowRankPair?],
        embedding: LowRankPair? = nil,
        head: LowRankPair? = nil,
        byteCount: Int,
        summary: AdapterSummary
    ) {
        precondition(projections.count % Projection.allCases.count == 0, "\(projections.count) is no multiple of 7")
        self.digest = digest
        self.byteCount = byteCount
        self.summary = summary
        self.embedding = embedding
        self.head = head
        self.projections = projections
    }

    package var maxRank: Int { summary.maxRank }

    /// The update of one projection, nil where the adapter changes nothing.
    package func pair(layer: Int, _ projection: Projection) -> LowRankPair? {
        projections[layer * Projection.allCases.count + projection.rawValue]
    }
}
