import Core
import Weights

/// Turns checked tensors and configuration into a `LoadedAdapter`.
struct AdapterAssembly {
    let content: AdapterContent
    let configuration: AdapterConfiguration
    let model: ModelConfiguration
    /// nil to describe the adapter only.
    let base: Checkpoint?
    /// What the configuration's patterns may take together, in steps.
    var maxSteps = ModulePattern.Budget.maxSteps

    /// One module's tensors, in their files' memory.
    struct Part {
        let module: AdapterModule
        let a: HostTensor
        let b: HostTensor
        let magnitude: (key: String, values: HostTensor)?
        let scale: Float

        var rank: Int { a.shape[0] }
        /// How many scales DoRA makes of it.
        var scaleCount: Int { magnitude?.values.shape[0] ?? 0 }
    }

    /// Checks everything, then copies the tensors into one block of memory.
    func adapter() throws(AdapterError) -> LoadedAdapter {
        let tensors = try AdapterTensors(names: content.names, model: model)
        let parts = try checkedParts(tensors)
        guard let base else { return try description(parts) }
        for (module, names) in tensors.names {
            if let key = names.baseCopy { try checkBaseCopy(key, of: module, in: base) }
        }
        let slab = TensorSlab(parts.flatMap { [$0.a, $0.b] })
        let pairs = try self.pairs(of: parts, in: slab, base)
        return LoadedAdapter(
            digest: try digest(parts),
            projections: (0..<model.layerCount).flatMap { layer in
                Projection.allCases.map { pairs[.projection(layer: layer, $0)] }
            },
            embedding: pairs[.embedding],
            head: pairs[.head],
            byteCount: slab.byteCount + pairs.values.reduce(0) { $0 + 4 * ($1.columnScale?.count ?? 0) },
            summary: summary(parts)
        )
    }

    private func pairs(
        of parts: [Part],
        in slab: TensorSlab,
        _ base: Checkpoint
    ) throws(AdapterError) -> [AdapterModule: LowRankPair] {
        var pairs: [AdapterModule: LowRankPair] = [:]
        for (index, part) in parts.enumerated() {
            pairs[part.module] = LowRankPair(
                a: slab.tensors[2 * index],
                b: slab.tensors[2 * index + 1],
                scale: part.scale,
                columnScale: try columnScale(part, base)
            )
        }
        return pairs
    }

    /// The adapter without its tensors, as large as it would be with them.
    private func description(_ parts: [Part]) throws(AdapterError) -> LoadedAdapter {
        LoadedAdapter(
            digest: try digest(parts),
            projections: Array(repeating: nil, count: model.layerCount * Projection.allCases.count),
            byteCount: parts.reduce(0) { $0 + $1.a.bytes.count + $1.b.bytes.count + 4 * $1.scaleCount },
            summary: summary(parts)
        )
    }

    private func checkBaseCopy(_ key: String, of module: AdapterModule, in base: Checkpoint) throws(AdapterError) {
        let copy = try content.tensor(key)
        let original = try baseWeight(module, base)
        guard copy.shape == original.shape else {
            throw .shapeMismatch(key: key, found: copy.shape, expected: original.shape)
        }
        if let index = copy.firstDifference(from: original) { throw .differentBase(key: key, index: index) }
    }

    private func baseWeight(_ module: AdapterModule, _ base: Checkpoint) throws(AdapterError) -> HostTensor {
        do throws(WeightsError) {
            return try base.tensor(named: module.weightName(model))
        } catch {
            throw .file(error)
        }
    }

    private func columnScale(_ part: Part, _ base: Checkpoint) throws(AdapterError) -> [Float]? {
        guard let magnitude = part.magnitude else { return nil }
        let norms = UpdatedNorms(weight: try baseWeight(part.module, base), a: part.a, b: part.b, scale: part.scale)
        let lengths = part.module == .embedding ? norms.columns() : norms.rows()
        let scales = zip(magnitude.values.floatArray(), lengths).map { Float(Double($0) / $1) }
        if let index = scales.firstIndex(where: { !$0.isFinite }) {
            throw .notFinite(key: magnitude.key, index: index)
        }
        return scales
    }

    private func digest(_ parts: [Part]) throws(AdapterError) -> AdapterDigest {
        try content.digest(modules: parts.map { ($0.module.path, $0.rank, $0.scale, configuration.usesDora) })
    }

    private func summary(_ parts: [Part]) -> AdapterSummary {
        var kinds: [String] = []
        var ranks: [String: [Int]] = [:]
        for part in parts {
            if ranks[part.module.kind] == nil { kinds.append(part.module.kind) }
            ranks[part.module.kind, default: []].append(part.rank)
        }
        return AdapterSummary(
            applied: kinds.compactMap { kind in
                guard let list = ranks[kind], let low = list.min(), let high = list.max() else { return nil }
                return .init(kind: kind, ranks: low...high, count: list.count)
            },
            usesDora: configuration.usesDora,
            isRankStabilized: configuration.isRankStabilized,
            baseModelName: configuration.baseModelName,
            unmatchedTargets: configuration.unmatchedTargets(among: AdapterModule.all(of: model))
        )
    }
}
