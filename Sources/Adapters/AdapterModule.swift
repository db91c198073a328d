import Core
import Weights

/// A module of the base that an adapter can change.
enum AdapterModule: Hashable, Sendable {
    case embedding
    case projection(layer: Int, Projection)
    case head

    /// Its path in the Hugging Face model, which PEFT's patterns are matched against.
    var path: String {
        switch self {
        case .embedding: "model.embed_tokens"
        case .projection(let layer, let projection):
            "model.layers.\(layer).\(ModelConfiguration.modulePath(projection))"
        case .head: "lm_head"
        }
    }

    /// The last part of the path.
    var kind: String { String(path.split(separator: ".").last ?? "") }

    /// The decoder layer; nil outside of them.
    var layer: Int? { if case .projection(let layer, _) = self { layer } else { nil } }

    /// Whether PEFT sees a linear product other than the output head.
    var isInnerLinear: Bool { layer != nil }

    /// Rows and columns of the update `B·A`: for the embedding `[E, V]`, as PEFT has it.
    func updateShape(_ model: ModelConfiguration) -> (outputs: Int, inputs: Int) {
        switch self {
        case .embedding: (model.hiddenSize, model.vocabularySize)
        case .projection(_, let projection): model.projectionShape(projection)
        case .head: (model.vocabularySize, model.hiddenSize)
        }
    }

    /// The name of the base's weight; a tied head has the embedding's.
    func weightName(_ model: ModelConfiguration) -> String {
        self == .head && model.tiesEmbeddings ? AdapterModule.embedding.path + ".weight" : path + ".weight"
    }

    /// Every module of a model, in the order of the forward pass.
    static func all(of model: ModelConfiguration) -> [AdapterModule] {
        let layers = (0..<model.layerCount).flatMap { layer in
            Projection.allCases.map { AdapterModule.projection(layer: layer, $0) }
        }
        return [.embedding] + layers + [.head]
    }
}
