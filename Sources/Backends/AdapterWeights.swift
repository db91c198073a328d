package import Core

/// An adapter's updates in the order a forward pass meets them.
package struct AdapterWeights: Sendable {
    /// Names the content: equal digests mean equal weights.
    package let digest: AdapterDigest
    /// `[layerCount · 7]`: layer by layer, in the order of `Projection`.
    package let projections: [LowRankPair?]
    /// Update of the embedding table: `a` is `[rank, V]`, `b` is `[E, rank]`.
    package let embedding: LowRankPair?
    /// Update of the output head.
    package let head: LowRankPair?

    package init(
        digest: AdapterDigest,
        projections: [LowRankPair?],
        embedding: LowRankPair?,
        head: LowRankPair?
    ) {
        self.digest = digest
        self.projections = projections
        self.embedding = embedding
        self.head = head
    }
}

/// What an adapter takes of the blocks that it shares with keys and values.
package struct AdapterFootprint: Sendable, Equatable {
    package let blocks: Int
    /// Whether the blocks must follow each other, because one of its matrices is larger than a block.
    package let mustBeContiguous: Bool

    /// An adapter that stays where it is.
    package static let none = AdapterFootprint(blocks: 0, mustBeContiguous: false)

    package init(blocks: Int, mustBeContiguous: Bool) {
        self.blocks = blocks
        self.mustBeContiguous = mustBeContiguous
    }
}

/// Dense products that share their input and run as one.
package enum ProjectionGroup: Sendable {
    case queryKeyValue
    case output
    case gateUp
    case down

    /// The members, in the order of their columns.
    package var projections: [Projection] {
        switch self {
        case .queryKeyValue: Self.queryKeyValueMembers
        case .output: Self.outputMembers
        case .gateUp: Self.gateUpMembers
        case .down: Self.downMembers
        }
    }

    // Stored once: the step loop reads these and must not allocate.
    private static let queryKeyValueMembers: [Projection] = [.query, .key, .value]
    private static let outputMembers: [Projection] = [.output]
    private static let gateUpMembers: [Projection] = [.gate, .up]
    private static let downMembers: [Projection] = [.down]
}

/// Which of an adapter's updates belongs to a dense product.
package enum AdapterTarget: Sendable, Equatable, CustomStringConvertible {
    case projections(layer: Int, ProjectionGroup)
    case head

    package var description: String {
        switch self {
        case .projections(let layer, let group): "layer \(layer) \(group)"
        case .head: "head"
        }
    }
}
