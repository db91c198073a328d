import Core
import Weights

extension AdapterAssembly {
    /// Every targeted module's tensors, in the order of the forward pass.
    func checkedParts(_ tensors: AdapterTensors) throws(AdapterError) -> [Part] {
        var budget = ModulePattern.Budget(steps: maxSteps)
        let targeted = try targetedModules(&budget)
        try refuseUntargeted(tensors, targeted: Set(targeted))
        var parts: [Part] = []
        for module in targeted {
            parts.append(try part(module, names: tensors.names[module] ?? .init(), &budget))
        }
        return parts
    }

    private func targetedModules(_ budget: inout ModulePattern.Budget) throws(AdapterError) -> [AdapterModule] {
        var modules: [AdapterModule] = []
        for module in AdapterModule.all(of: model) {
            if try matching({ () throws(ModulePattern.Failure) in try configuration.isTargeted(module, &budget) }) {
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

    private func part(
        _ module: AdapterModule,
        names: AdapterTensors.Names,
        _ budget: inout ModulePattern.Budget
    ) throws(AdapterError) -> Part {
        let (outputs, inputs) = module.updateShape(model)
        let (rank, scale) = try matching { () throws(ModulePattern.Failure) in
            try configuration.update(of: module, &budget)
        }
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
}
