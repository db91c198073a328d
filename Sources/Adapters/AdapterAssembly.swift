import Core
import Weights

/// Turns checked tensors and configuration into a `LoadedAdapter`.
struct AdapterAssembly {
    let content: AdapterContent
    let configuration: AdapterConfiguration
    let model: ModelConfiguration
    /// nil to describe the adapter only.
    let base: Checkpoint?

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
        let targeted = try targetedModules()
        try refuseUntargeted(tensors, targeted: Set(targeted))
        var parts: [Part] = []
        for module in targeted { parts.append(try part(module, names: tensors.names[module] ?? .init())) }
        guard let base else { return try description(parts) }
        for (module, names) in tensors.names {
            if let key = names.baseCopy { try checkBaseCopy(key, of: module, in: base) }
        }
        let slab = TensorSlab(parts.flatMap { [$0.a, $0.b] })
        var pairs: [AdapterModule: LowRankPair] = [:]
        for (index, part) in parts.enumerated() {
            pairs[part.module] = LowRankPair(
                a: slab.tensors[2 * index],
                b: slab.tensors[2 * index + 1],
                scale: part.scale,
                columnScale: try columnScale(part, base)
            )
        }
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

    /// The adapter without its tensors, as large as it would be with them.
    private func description(_ parts: [Part]) throws(AdapterError) -> LoadedAdapter {
        LoadedAdapter(
            digest: try digest(parts),
            projections: Array(repeating: nil, count: model.layerCount * Projection.allCases.count),
            byteCount: parts.reduce(0) { $0 + $1.a.bytes.count + $1.b.bytes.count + 4 * $1.scaleCount },
            summary: summary(parts)
        )
    }

    private func targetedModules() throws(AdapterError) -> [AdapterModule] {
        var modules: [AdapterModule] = []
        for module in AdapterModule.all(of: model) {
            if try matching({ () throws(ModulePattern.Failure) in try configuration.isTargeted(module) }) {
                modules.append(module)
            }
        }
        guard !modules.isEmpty else { throw .nothingTargeted(targets: configuration.targets.text) }
        return modules
    }

    /// A pattern's failure as the adapter's.
    private func matching<T>(_ body: () throws(ModulePattern.Failure) -> T) throws(AdapterError) -> T {
        do throws(ModulePattern.Failure) {
            return try body()
        } catch {
            let reason = "pattern '\(error.pattern)': \(error.reason)"
            throw .file(.malformed(file: content.file, key: "adapter_config.json", reason: reason))
        }
    }

    private func refuseUntargeted(_ tensors: AdapterTensors, targeted: Set<AdapterModule>) throws(AdapterError) {
        for (module, names) in tensors.names.sorted(by: { $0.key.path < $1.key.path }) {
            if !targeted.contains(module), let name = names.a ?? names.b ?? names.magnitude {
                throw .unknownTensor(key: name, reason: "adapter_config.json does not target \(module.path)")
            }
            if let name = names.magnitude, !configuration.usesDora {
                throw .unknownTensor(key: name, reason: "it belongs to DoRA, but use_dora is false")
            }
        }
    }

    private func part(_ module: AdapterModule, names: AdapterTensors.Names) throws(AdapterError) -> Part {
        let (outputs, inputs) = module.updateShape(model)
        let rank = try matching { () throws(ModulePattern.Failure) in try configuration.rank(of: module) }
        let scale = try matching { () throws(ModulePattern.Failure) in try configuration.scale(of: module) }
        let suffixes =
            module == .embedding ? ("lora_embedding_A", "lora_embedding_B") : ("lora_A.weight", "lora_B.weight")
        var a = try required(names.a, module: module, suffix: suffixes.0, shape: [rank, inputs])
        var b = try required(names.b, module: module, suffix: suffixes.1, shape: [outputs, rank])
        if a.type != b.type { (a, b) = (a.widened(), b.widened()) }
        var magnitude: (key: String, values: HostTensor)?
        if configuration.usesDora {
            let values = try required(
                names.magnitude,
                module: module,
                suffix: "lora_magnitude_vector",
                shape: [outputs]
            )
            magnitude = (names.magnitude ?? "", values)
        }
        return Part(module: module, a: a, b: b, magnitude: magnitude, scale: scale)
    }

    /// A tensor that must be there, in its shape, and finite.
    private func required(
        _ name: String?,
        module: AdapterModule,
        suffix: String,
        shape: [Int]
    ) throws(AdapterError) -> HostTensor {
        guard let name else {
            let key = AdapterTensors.prefix + module.path + "." + suffix
            throw .missingTensor(key: key, reason: "adapter_config.json targets \(module.path)")
        }
        let tensor = try content.tensor(name)
        guard tensor.shape == shape else {
            throw .shapeMismatch(key: name, found: tensor.shape, expected: shape)
        }
        if let index = tensor.firstNotFinite() { throw .notFinite(key: name, index: index) }
        return tensor
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
