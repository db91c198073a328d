import Core
import Weights

/// The tensors of `adapter_model.safetensors`, sorted by the module that they belong to.
///
///     base_model.model.<module>.lora_A.weight             [rank, inputs]
///     base_model.model.<module>.lora_B.weight             [outputs, rank]
///     base_model.model.<module>.lora_magnitude_vector     [outputs], DoRA only; also with `.weight` at the end
///     base_model.model.model.embed_tokens.lora_embedding_A  [rank, V]
///     base_model.model.model.embed_tokens.lora_embedding_B  [E, rank]
///     base_model.model.<embed_tokens or lm_head>[.base_layer].weight   a copy of the base, which PEFT adds
///                                                         when these modules are targeted
///
/// Everything else is refused.
struct AdapterTensors {
    /// The names of one module's tensors.
    struct Names: Equatable {
        var a: String?
        var b: String?
        var magnitude: String?
        var baseCopy: String?
    }

    private(set) var names: [AdapterModule: Names] = [:]

    static let prefix = "base_model.model."

    init(names: [String], model: ModelConfiguration) throws(AdapterError) {
        let modules = Dictionary(uniqueKeysWithValues: AdapterModule.all(of: model).map { ($0.path, $0) })
        for name in names { try place(name, modules: modules, layerCount: model.layerCount) }
    }

    private mutating func place(
        _ name: String,
        modules: [String: AdapterModule],
        layerCount: Int
    ) throws(AdapterError) {
        guard name.hasPrefix(Self.prefix) else {
            throw .unknownTensor(key: name, reason: "its name does not start with '\(Self.prefix)'")
        }
        let rest = name.dropFirst(Self.prefix.count)
        for (suffix, part) in Self.suffixes where rest.hasSuffix(suffix) {
            let path = String(rest.dropLast(suffix.count))
            guard let module = modules[path], Self.isPart(part, of: module, suffix: suffix) else { continue }
            guard names[module, default: Names()][keyPath: part] == nil else {
                throw .unknownTensor(key: name, reason: "the module has this tensor under another name too")
            }
            names[module, default: Names()][keyPath: part] = name
            return
        }
        throw .unknownTensor(key: name, reason: Self.reason(String(rest), layerCount: layerCount))
    }

    private typealias Field = any WritableKeyPath<Names, String?> & Sendable

    private static let suffixes: [(String, Field)] = [
        (".lora_A.weight", \.a), (".lora_B.weight", \.b),
        (".lora_embedding_A", \.a), (".lora_embedding_B", \.b),
        (".lora_magnitude_vector", \.magnitude), (".lora_magnitude_vector.weight", \.magnitude),
        (".base_layer.weight", \.baseCopy), (".weight", \.baseCopy),
    ]

    private static func isPart(
        _ part: Field,
        of module: AdapterModule,
        suffix: String
    ) -> Bool {
        if part == \.baseCopy { return !module.isInnerLinear }
        if part == \.magnitude { return true }
        return suffix.hasPrefix(".lora_embedding") == (module == .embedding)
    }

    private static func reason(_ rest: String, layerCount: Int) -> String {
        if rest.contains(".modules_to_save") { return "modules_to_save is not supported" }
        if rest.contains(".default") { return "it carries an adapter's name; save the adapter with save_pretrained" }
        if rest.hasSuffix(".bias") { return "biases are not supported" }
        let parts = rest.split(separator: ".")
        if parts.starts(with: ["model", "layers"]), parts.count > 2, let layer = Int(parts[2]), layer >= layerCount {
            return "the base model has \(layerCount) layers, 0 ... \(layerCount - 1)"
        }
        return "it belongs to no module of the base model that an adapter can change"
    }
}
