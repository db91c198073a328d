/// What `adapter_config.json` says about how the tensors are applied.
struct AdapterConfiguration: Sendable {
    /// The bounds of `r`, of every value in `rank_pattern` and of the tensors' ranks.
    static let rankBound = 1...512

    let rank: Int
    let alpha: Double
    let isRankStabilized: Bool
    let usesDora: Bool
    let targets: ModuleSelector
    let excluded: ModuleSelector?
    /// `layers_to_transform`; nil is every layer.
    let layers: Set<Int>?
    /// `layers_pattern`, each wrapped so that it matches a path up to the layer's number; empty matches any.
    let layerPatterns: [ModulePattern]
    let ranks: PatternTable<Int>
    let alphas: PatternTable<Double>
    let baseModelName: String?

    /// The rank that the module's tensors must have, and the scale of what they compute: `alpha / rank`, or
    /// `alpha / √rank` when rank-stabilised.
    func update(
        of module: AdapterModule,
        _ budget: inout ModulePattern.Budget
    ) throws(ModulePattern.Failure) -> (rank: Int, scale: Float) {
        let rank = try ranks.value(for: module.path, &budget) ?? self.rank
        let alpha = try alphas.value(for: module.path, &budget) ?? self.alpha
        return (rank, Float(alpha / (isRankStabilized ? Double(rank).squareRoot() : Double(rank))))
    }

    /// PEFT's rule: not excluded, selected, and in one of the layers.
    ///
    /// A name that is a full path overrules the layers.
    func isTargeted(
        _ module: AdapterModule,
        _ budget: inout ModulePattern.Budget
    ) throws(ModulePattern.Failure) -> Bool {
        if let excluded, try excluded.contains(module, &budget) { return false }
        guard try targets.contains(module, &budget) else { return false }
        guard case .names(let names) = targets, let layers, !names.contains(module.path) else { return true }
        guard let layer = module.layer, layers.contains(layer) else { return false }
        guard !layerPatterns.isEmpty else { return true }
        for pattern in layerPatterns where try pattern.matchesPrefix(module.path, &budget) { return true }
        return false
    }

    /// Entries of `target_modules` that name none of the given modules.
    func unmatchedTargets(among modules: [AdapterModule]) -> [String] {
        guard case .names(let names) = targets else { return [] }
        return names.filter { name in !modules.contains { ModuleSelector.names(name, path: $0.path) } }
    }
}
