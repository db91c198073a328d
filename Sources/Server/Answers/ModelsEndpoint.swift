import Adapters
import Core
import Frontend
import Hummingbird
import OpenAI

/// `/v1/models`: the base under each of its names, then the adapters.
struct ModelsEndpoint: Sendable {
    let model: ServedModel
    let adapters: AdapterStore

    func list() -> Response { Response(json: ModelCard.list(bases + adapters.list().map(card))) }

    func show(_ id: String) throws(ServerError) -> Response {
        let found = bases.first { $0.id == id } ?? adapters.describe(name: id).map(card)
        guard let found else { throw .frontend(.modelNotFound(id)) }
        return Response(json: found.json)
    }

    private var bases: [ModelCard] {
        model.names.map { name in
            ModelCard(
                id: name,
                created: model.origin.created,
                root: model.origin.path,
                parent: nil,
                contextLength: model.limits.contextLength
            )
        }
    }

    /// Tenants see an adapter's content, not where it lies.
    private func card(_ adapter: AdapterDescription) -> ModelCard {
        ModelCard(
            id: adapter.name,
            created: model.origin.created,
            root: "sha256:" + adapter.digest.hex,
            parent: model.name,
            contextLength: model.limits.contextLength
        )
    }
}
