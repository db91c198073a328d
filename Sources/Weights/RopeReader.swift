import JSON

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Reads rotary settings of both styles.
///
///     "rope_theta": 5e5, "rope_scaling": {"rope_type" or "type": "llama3", "factor": 8, ...}
///     "rope_parameters": {"rope_theta": 5e5, "rope_type": "llama3", "factor": 8, ...}
struct RopeReader {
    private let top: ConfigurationFields
    private let scaling: ConfigurationFields?

    private static let factors = 1.0...65_536.0

    init(_ fields: ConfigurationFields) throws(WeightsError) {
        top = fields
        // A configuration saved by transformers 5 may keep the old key beside the new one; the new one is complete.
        if let parameters = try fields.object("rope_parameters") {
            scaling = parameters
        } else {
            scaling = try fields.object("rope_scaling")
        }
        let nested = scaling?.members.first { $0.1.object != nil }
        if let scaling, let nested {
            throw scaling.unsupported(nested.0, "an object", supported: "one setting for all layers")
        }
    }

    func theta() throws(WeightsError) -> Double {
        if let inner = try scaling?.number("rope_theta", in: ModelConfiguration.Bounds.theta) { return inner }
        return try top.number("rope_theta", in: ModelConfiguration.Bounds.theta) ?? 10_000
    }

    func scaling(maxPositions: Int) throws(WeightsError) -> RopeScaling? {
        guard let scaling else { return nil }
        if let share = try scaling.number("partial_rotary_factor", in: 0...1), share != 1 {
            throw scaling.unsupported("partial_rotary_factor", "\(share)", supported: "1")
        }
        let key = scaling["rope_type"] != nil ? "rope_type" : "type"
        switch try scaling.text(key) {
        case nil:
            guard scaling["factor"] == nil else {
                throw .missing(file: scaling.file, key: scaling.prefix + "rope_type")
            }
            return nil
        case "default": return nil
        case "linear": return .linear(factor: try scaling.requiredNumber("factor", in: Self.factors))
        case "llama3": return try llama3(scaling)
        case "yarn": return try yarn(scaling, maxPositions: maxPositions)
        case let other?: throw scaling.unsupported(key, other, supported: "default, linear, llama3, yarn")
        }
    }

    private func llama3(_ fields: ConfigurationFields) throws(WeightsError) -> RopeScaling {
        let low = try fields.requiredNumber("low_freq_factor", in: Self.factors)
        let high = try fields.requiredNumber("high_freq_factor", in: Self.factors)
        guard high > low else {
            throw fields.outOfBounds("high_freq_factor", "\(high)", bound: "above low_freq_factor, \(low)")
        }
        let key = "original_max_position_embeddings"
        return .llama3(
            factor: try fields.requiredNumber("factor", in: Self.factors),
            lowFrequencyFactor: low,
            highFrequencyFactor: high,
            originalMaxPositions: try fields.requiredInteger(key, in: ModelConfiguration.Bounds.positions)
        )
    }

    private func yarn(_ fields: ConfigurationFields, maxPositions: Int) throws(WeightsError) -> RopeScaling {
        for key in ["mscale", "mscale_all_dim"] where fields[key] != nil {
            throw fields.unsupported(key, "present", supported: "attention_factor")
        }
        let factor = try fields.requiredNumber("factor", in: Self.factors)
        let bounds = ModelConfiguration.Bounds.positions
        let original = try fields.integer("original_max_position_embeddings", in: bounds)
        let fast = try fields.number("beta_fast", in: 0.001...65_536) ?? 32
        let slow = try fields.number("beta_slow", in: 0.001...65_536) ?? 1
        guard fast > slow else {
            throw fields.outOfBounds("beta_fast", "\(fast)", bound: "above beta_slow, \(slow)")
        }
        // Equation 22 of the paper gives the default.
        let attention = try fields.number("attention_factor", in: 0.001...1_000) ?? 0.1 * log(factor) + 1
        return .yarn(
            factor: factor,
            originalMaxPositions: original ?? maxPositions,
            betaFast: fast,
            betaSlow: slow,
            attentionFactor: attention,
            truncates: try fields.flag("truncate") ?? true
        )
    }
}
