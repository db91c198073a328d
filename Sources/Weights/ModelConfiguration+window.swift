import JSON

extension ModelConfiguration {
    /// The sliding window and the layers that have it.
    ///
    /// Mistral slides in every layer (4096 tokens if the key is absent, not at all if it is null). Qwen slides only
    /// with `use_sliding_window`, in the layers from `max_window_layers` on, or as `layer_types` says. Llama never does.
    static func window(
        _ fields: ConfigurationFields,
        architecture: Architecture,
        layerCount: Int
    ) throws(WeightsError) -> (size: Int?, layers: [Bool]) {
        let types = try layerTypes(fields, layerCount: layerCount)
        let key = "sliding_window"
        var size = try fields.integer(key, in: Bounds.positions)
        if size == nil && !fields.isPresent(key) && architecture != .llama { size = 4_096 }
        switch architecture {
        case .llama:
            guard types?.contains(true) != true else {
                throw fields.unsupported("layer_types", "sliding_attention", supported: "full_attention")
            }
            return (nil, [])
        case .mistral:
            return size == nil ? (nil, []) : (size, types ?? Array(repeating: true, count: layerCount))
        case .qwen2, .qwen3:
            guard try fields.flag("use_sliding_window") == true, let size else { return (nil, []) }
            let first = try fields.integer("max_window_layers", in: 0...Bounds.layers.upperBound) ?? 28
            let layers = types ?? (0..<layerCount).map { $0 >= first }
            return layers.contains(true) ? (size, layers) : (nil, [])
        }
    }

    private static func layerTypes(
        _ fields: ConfigurationFields,
        layerCount: Int
    ) throws(WeightsError) -> [Bool]? {
        guard let value = fields["layer_types"] else { return nil }
        guard let list = value.array else { throw fields.wrongKind("layer_types", value, wanted: "a list") }
        guard list.count == layerCount else {
            throw fields.outOfBounds("layer_types", "\(list.count) entries", bound: "\(layerCount), one for each layer")
        }
        var slides: [Bool] = []
        for element in list {
            switch element.string {
            case "full_attention": slides.append(false)
            case "sliding_attention": slides.append(true)
            default:
                let supported = "full_attention, sliding_attention"
                throw fields.unsupported("layer_types", element.encoded(), supported: supported)
            }
        }
        return slides
    }
}
