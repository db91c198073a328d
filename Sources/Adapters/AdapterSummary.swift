/// What an adapter changes: the report of what was applied.
package struct AdapterSummary: Sendable, Equatable {
    /// All modules of one kind.
    package struct Applied: Sendable, Equatable {
        /// The last part of the modules' paths: `q_proj`, ..., `embed_tokens`, `lm_head`.
        package let kind: String
        /// The lowest and highest rank among them.
        package let ranks: ClosedRange<Int>
        /// How many modules of the kind are changed.
        package let count: Int
    }

    /// By kind, in the order of the forward pass.
    package let applied: [Applied]
    package let usesDora: Bool
    /// Whether scales are `alpha / √rank` rather than `alpha / rank`.
    package let isRankStabilized: Bool
    /// What the adapter's configuration calls its base; a hint, never checked.
    package let baseModelName: String?
    /// Entries of `target_modules` that match no module of this base.
    package let unmatchedTargets: [String]

    package init(
        applied: [Applied],
        usesDora: Bool = false,
        isRankStabilized: Bool = false,
        baseModelName: String? = nil,
        unmatchedTargets: [String] = []
    ) {
        self.applied = applied
        self.usesDora = usesDora
        self.isRankStabilized = isRankStabilized
        self.baseModelName = baseModelName
        self.unmatchedTargets = unmatchedTargets
    }

    package var targetModules: [String] { applied.map(\.kind) }
    package var maxRank: Int { applied.map(\.ranks.upperBound).max() ?? 0 }
}
