import Adapters
import Frontend

/// The page at `/`: what this is and how to talk to it.
struct HomePage: Sendable {
    let model: ServedModel
    let adapters: AdapterStore
    /// Adapters shown; there may be thousands.
    private static let shownCount = 20

    init(model: ServedModel, adapters: AdapterStore) {
        self.model = model
        self.adapters = adapters
    }

    /// - Parameter host: the caller's `Host` header.
    func text(host: String) -> String {
        let names = adapters.list().map(\.name)
        let example = names.first ?? model.name
        let more =
            names.count > Self.shownCount ? "\n  ... and \(names.count - Self.shownCount) more: GET /v1/models" : ""
        let list = names.isEmpty ? "\n  none yet" : names.prefix(Self.shownCount).map { "\n  \($0)" }.joined()
        return """
            Punica serves many LoRA fine-tunes of one base model at once, through OpenAI's API.

            Base model
              \(model.names.joined(separator: ", "))

            Adapters (\(names.count))\(list)\(more)

            Try
              curl http://\(host)/v1/completions -H 'Content-Type: application/json' \\
                -d '{"model": "\(example)", "prompt": "Hello", "max_tokens": 32}'

            Also: /v1/chat/completions  /v1/models  /tokenize  /detokenize  /health  /ready  /metrics  /dashboard

            """
    }
}
