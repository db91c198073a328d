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

    /// The most entries of `rank_pattern` or `alpha_pattern`: more than any model has modules.
    private static let maxPatterns = 8_192

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

    /// Any finite number but 0, which would make the adapter do nothing.
    private static func requiredAlpha(_ fields: ConfigurationFields, key: String) throws(WeightsError) -> Double {
        let alpha = try fields.requiredNumber(key, in: -1e6...1e6)
        guard alpha != 0 else { throw fields.outOfBounds(key, "0", bound: "other than 0") }
        return alpha
    }

    /// A list of names, a pattern, or nil when absent or empty.
    private static func selector(
        _ fields: ConfigurationFields,
        key: String,
        allowsAllLinear: Bool
    ) throws(WeightsError) -> ModuleSelector? {
        guard let value = fields[key] else { return nil }
        if let text = value.string {
            if text.isEmpty { return nil }
            if allowsAllLinear && text.lowercased() == "all-linear" { return .allLinear }
            return .pattern(try pattern(text, fields, key: key))
        }
        let names = try strings(value, fields, key: key)
        return names.isEmpty ? nil : .names(names)
    }

    private static func strings(
        _ value: JSONValue,
        _ fields: ConfigurationFields,
        key: String
    ) throws(WeightsError) -> [String] {
        let elements = value.array ?? [value]
        let strings = elements.compactMap(\.string)
        guard strings.count == elements.count else {
            throw fields.wrongKind(key, value, wanted: "a string or a list of strings")
        }
        return strings
    }

    private static func layers(
        _ fields: ConfigurationFields,
        targets: ModuleSelector
    ) throws(WeightsError) -> Set<Int>? {
        let key = "layers_to_transform"
        guard let layers = try fields.integers(key, in: 0...1_000_000), !layers.isEmpty else { return nil }
        guard case .names = targets else {
            throw fields.unsupported(key, "\(layers)", supported: "null when target_modules is a string")
        }
        return Set(layers)
    }

    private static func layerPatterns(_ fields: ConfigurationFields) throws(WeightsError) -> [ModulePattern] {
        let key = "layers_pattern"
        guard let value = fields[key] else { return [] }
        var patterns: [ModulePattern] = []
        for text in try strings(value, fields, key: key) where !text.isEmpty {
            patterns.append(try pattern("(?:^|.*?\\.)(?:\(text))\\.(?P<idx>\\d+)\\.", fields, key: key))
        }
        return patterns
    }

    private static func table<Value>(
        _ fields: ConfigurationFields,
        key: String,
        read: (ConfigurationFields, String) throws(WeightsError) -> Value
    ) throws(WeightsError) -> PatternTable<Value> {
        var entries: [(key: String, value: Value)] = []
        if let inner = try fields.object(key) {
            guard inner.members.count <= maxPatterns else {
                let bound = "at most \(maxPatterns) entries"
                throw fields.outOfBounds(key, "\(inner.members.count) entries", bound: bound)
            }
            for pattern in inner.members.keys { entries.append((pattern, try read(inner, pattern))) }
        }
        do throws(ModulePattern.Failure) {
            return try PatternTable(entries)
        } catch {
            throw malformed(error, fields, key: key)
        }
    }

    private static func pattern(
        _ text: String,
        _ fields: ConfigurationFields,
        key: String
    ) throws(WeightsError) -> ModulePattern {
        do throws(ModulePattern.Failure) {
            return try ModulePattern(text)
        } catch {
            throw malformed(error, fields, key: key)
        }
    }

    private static func malformed(
        _ failure: ModulePattern.Failure,
        _ fields: ConfigurationFields,
        key: String
    ) -> WeightsError {
        .malformed(
            file: fields.file,
            key: fields.prefix + key,
            reason: "pattern '\(failure.pattern)': \(failure.reason)"
        )
    }
}
