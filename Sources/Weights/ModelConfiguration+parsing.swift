import Core
import JSON

extension ModelConfiguration {
    /// The bounds of each size, far above any published model of these architectures.
    enum Bounds {
        static let vocabulary = 1...4_194_304
        static let hidden = 1...131_072
        static let intermediate = 1...1_048_576
        static let layers = 1...1_024
        static let heads = 1...4_096
        static let headSize = 2...1_024
        static let positions = 1...16_777_216
        static let epsilon = 1e-12...0.1
        static let theta = 1.0...1e12
    }

    /// Reads `config.json` of both styles: the classic one (`rope_theta`, `rope_scaling`, `torch_dtype`) and that of
    /// transformers 5 (`rope_parameters`, `dtype`).
    ///
    /// - Parameters:
    ///   - configJSON: the text of `config.json`.
    ///   - generation: the text of `generation_config.json`, if there is one; its end-of-sequence ids win.
    package init(parsing configJSON: [UInt8], generation: [UInt8]?) throws(WeightsError) {
        let fields = try ConfigurationFields(parsing: configJSON, file: "config.json")
        let architecture = try Self.architecture(fields)
        try Self.refuseUnsupported(fields)
        let sizes = try Sizes(fields, architecture: architecture)
        let positions: Int = architecture == .mistral ? 131_072 : architecture == .llama ? 2_048 : 32_768
        let window = try Self.window(fields, architecture: architecture, layerCount: sizes.layers)
        let rope = try RopeReader(fields)

        self.architecture = architecture
        vocabularySize = sizes.vocabulary
        hiddenSize = sizes.hidden
        intermediateSize = sizes.intermediate
        layerCount = sizes.layers
        headCount = sizes.heads
        keyValueHeadCount = sizes.keyValueHeads
        headSize = sizes.headSize
        maxPositions = try fields.integer("max_position_embeddings", in: Bounds.positions) ?? positions
        normEpsilon = Float(try fields.number("rms_norm_eps", in: Bounds.epsilon) ?? 1e-6)
        ropeTheta = try rope.theta()
        ropeScaling = try rope.scaling(maxPositions: maxPositions)
        tiesEmbeddings = try fields.flag("tie_word_embeddings") ?? false
        let bias = try fields.flag("attention_bias") ?? false
        hasAttentionBias = architecture == .qwen2 || (bias && architecture != .mistral)
        hasOutputBias = bias && (architecture == .llama || architecture == .qwen3)
        slidingWindow = window.size
        slidingLayers = window.layers
        scalarType = try Self.scalarType(fields)
        endOfSequenceIDs = try Self.endOfSequence(fields, generation: generation, vocabularySize: sizes.vocabulary)
    }

    /// The ids that end a sequence, as generation uses them.
    private static func endOfSequence(
        _ fields: ConfigurationFields,
        generation: [UInt8]?,
        vocabularySize: Int
    ) throws(WeightsError) -> [TokenID] {
        let bound = 0...(vocabularySize - 1)
        var end = try fields.integers("eos_token_id", in: bound)
        if let generation {
            let overrides = try ConfigurationFields(parsing: generation, file: "generation_config.json")
            end = try overrides.integers("eos_token_id", in: bound) ?? end
        }
        return (end ?? []).map { TokenID(Int32($0)) }
    }

    private static func architecture(_ fields: ConfigurationFields) throws(WeightsError) -> Architecture {
        let supported = Architecture.allCases.map(\.rawValue).joined(separator: ", ")
        guard let list = fields["architectures"] else { throw .missing(file: fields.file, key: "architectures") }
        guard list.array?.count == 1, let name = list.array?.first?.string else {
            throw fields.wrongKind("architectures", list, wanted: "a list of one name")
        }
        guard let architecture = Architecture(rawValue: name) else {
            throw fields.unsupported("architectures", name, supported: supported)
        }
        return architecture
    }

    /// Options that would change the forward pass in a way that is not implemented.
    private static func refuseUnsupported(_ fields: ConfigurationFields) throws(WeightsError) {
        if let activation = try fields.text("hidden_act"), activation != "silu", activation != "swish" {
            throw fields.unsupported("hidden_act", activation, supported: "silu")
        }
        if fields["quantization_config"] != nil {
            throw fields.unsupported("quantization_config", "present", supported: "none: float32, float16, bfloat16")
        }
        if try fields.flag("mlp_bias") == true {
            throw fields.unsupported("mlp_bias", "true", supported: "false")
        }
        if let share = try fields.number("partial_rotary_factor", in: 0...1), share != 1 {
            throw fields.unsupported("partial_rotary_factor", "\(share)", supported: "1")
        }
    }

    private static func scalarType(_ fields: ConfigurationFields) throws(WeightsError) -> ScalarType {
        let key = fields["dtype"] != nil ? "dtype" : "torch_dtype"
        guard let name = try fields.text(key) else { return .float32 }
        guard let type = ScalarType(rawValue: name) else {
            throw fields.unsupported(key, name, supported: "float32, float16, bfloat16")
        }
        return type
    }
}

/// The dimensions of a decoder, with their relations checked.
private struct Sizes {
    let vocabulary, hidden, intermediate, layers, heads, keyValueHeads, headSize: Int

    init(_ fields: ConfigurationFields, architecture: ModelConfiguration.Architecture) throws(WeightsError) {
        typealias Bounds = ModelConfiguration.Bounds
        vocabulary = try fields.requiredInteger("vocab_size", in: Bounds.vocabulary)
        hidden = try fields.requiredInteger("hidden_size", in: Bounds.hidden)
        intermediate = try fields.requiredInteger("intermediate_size", in: Bounds.intermediate)
        layers = try fields.requiredInteger("num_hidden_layers", in: Bounds.layers)
        heads = try fields.requiredInteger("num_attention_heads", in: Bounds.heads)
        let key = "num_key_value_heads"
        // Mistral's configuration class has a default of its own for an absent key, though not for a null.
        let absent = architecture == .mistral && !fields.isPresent(key) ? 8 : heads
        keyValueHeads = try fields.integer(key, in: 1...heads) ?? absent
        guard keyValueHeads <= heads, heads % keyValueHeads == 0 else {
            throw fields.outOfBounds(key, "\(keyValueHeads)", bound: "a divisor of num_attention_heads, \(heads)")
        }
        headSize = try Self.headSize(fields, architecture: architecture, hidden: hidden, heads: heads)
        guard headSize % 2 == 0 else {
            throw fields.outOfBounds("head_dim", "\(headSize)", bound: "even")
        }
    }

    private static func headSize(
        _ fields: ConfigurationFields,
        architecture: ModelConfiguration.Architecture,
        hidden: Int,
        heads: Int
    ) throws(WeightsError) -> Int {
        let bound = ModelConfiguration.Bounds.headSize
        if let size = try fields.integer("head_dim", in: bound) { return size }
        if architecture == .qwen3 && !fields.isPresent("head_dim") { return 128 }
        guard hidden % heads == 0, bound.contains(hidden / heads) else {
            let wanted = "a multiple of num_attention_heads, \(heads), with a quotient of 2 ... 1024"
            throw fields.outOfBounds("hidden_size", "\(hidden)", bound: wanted)
        }
        return hidden / heads
    }
}
