import JSON
import Weights

extension AdapterConfiguration {
    /// Fields that say how the adapter was trained or where it came from, and nothing about what it computes.
    private static let ignored: Set<String> = [
        "auto_mapping", "base_model_name_or_path", "corda_config", "eva_config", "inference_mode", "loftq_config",
        "lora_dropout", "lora_ga_config", "megatron_core", "peft_version", "qalora_group_size", "revision",
        "runtime_config",
    ]

    /// Fields that are read below.
    private static let understood: Set<String> = [
        "alpha_pattern", "bias", "exclude_modules", "init_lora_weights", "layers_pattern", "layers_to_transform",
        "lora_alpha", "peft_type", "r", "rank_pattern", "target_modules", "task_type", "use_dora", "use_rslora",
    ]

    /// The smallest magnitude of an alpha: over any rank it still gives a scale that float32 tells from 0.
    private static let minAlpha = 1e-30

    /// Initialisations that leave the base as it is.
    ///
    /// Others (pissa, olora, corda, loftq, lora_ga) subtract the initial adapter from the base, so that the saved
    /// tensors are right only on that changed base; PEFT writes `true` after converting them for the original one.
    private static let harmlessInitializations = ["gaussian", "orthogonal", "eva", "mica"]

    /// Reads `adapter_config.json`.
    ///
    /// Fields that are neither ignored nor understood must be null, false or empty.
    ///
    /// - Parameter file: the name for messages.
    init(parsing text: [UInt8], file: String) throws(AdapterError) {
        do throws(WeightsError) {
            try self.init(ConfigurationFields(parsing: text, file: file))
        } catch {
            throw .file(error)
        }
    }

    private init(_ fields: ConfigurationFields) throws(WeightsError) {
        try Self.refuseUnsupported(fields)
        rank = try fields.requiredInteger("r", in: Self.rankBound)
        alpha = try Self.requiredAlpha(fields, key: "lora_alpha")
        isRankStabilized = try fields.flag("use_rslora") ?? false
        usesDora = try fields.flag("use_dora") ?? false
        guard let targets = try Self.selector(fields, key: "target_modules", allowsAllLinear: true) else {
            throw .missing(file: fields.file, key: "target_modules")
        }
        self.targets = targets
        excluded = try Self.selector(fields, key: "exclude_modules", allowsAllLinear: false)
        layers = try Self.layers(fields, targets: targets)
        layerPatterns = try Self.layerPatterns(fields)
        ranks = try Self.table(fields, key: "rank_pattern") { (inner, key) throws(WeightsError) in
            try inner.requiredInteger(key, in: Self.rankBound)
        }
        alphas = try Self.table(fields, key: "alpha_pattern") { (inner, key) throws(WeightsError) in
            try Self.requiredAlpha(inner, key: key)
        }
        baseModelName = fields["base_model_name_or_path"]?.string
    }

    private static func refuseUnsupported(_ fields: ConfigurationFields) throws(WeightsError) {
        guard let type = try fields.text("peft_type") else { throw .missing(file: fields.file, key: "peft_type") }
        guard type == "LORA" else { throw fields.unsupported("peft_type", type, supported: "LORA") }
        if let bias = try fields.text("bias"), bias != "none" {
            throw fields.unsupported("bias", bias, supported: "none")
        }
        if let task = try fields.text("task_type"), task != "CAUSAL_LM" {
            throw fields.unsupported("task_type", task, supported: "CAUSAL_LM")
        }
        if let name = fields["init_lora_weights"]?.string, !harmlessInitializations.contains(name) {
            let supported = "true, false, " + harmlessInitializations.joined(separator: ", ")
            throw fields.unsupported("init_lora_weights", name, supported: supported)
        }
        for (key, value) in fields.members where !ignored.contains(key) && !understood.contains(key) {
            guard isNeutral(value) else {
                throw fields.unsupported(key, String(value.encoded().prefix(200)), supported: "null, false or empty")
            }
        }
    }

    private static func isNeutral(_ value: JSONValue) -> Bool {
        switch value {
        case .null, .bool(false): true
        case .string(let text): text.isEmpty
        case .array(let elements): elements.isEmpty
        case .object(let members): members.isEmpty
        case .bool, .integer, .number: false
        }
    }

    /// Any finite number but those so near to 0 that the adapter would do nothing.
    private static func requiredAlpha(_ fields: ConfigurationFields, key: String) throws(WeightsError) -> Double {
        let alpha = try fields.requiredNumber(key, in: -1e6...1e6)
        guard abs(alpha) >= minAlpha else {
            throw fields.outOfBounds(key, "\(alpha)", bound: "\(minAlpha) or more in magnitude")
        }
        return alpha
    }
}
