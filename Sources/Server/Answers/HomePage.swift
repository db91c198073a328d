import Adapters
import Frontend

/// The page at `/`: what this is and how to talk to it.
struct HomePage: Sendable {
    let model: ServedModel
    let adapters: AdapterStore
    /// Whether tenants need a key; adapters are then named to them only, at `/v1/models`.
    let needsKey: Bool
    /// Adapters shown; there may be thousands.
    private static let shownCount = 20

    /// - Parameter host: the caller's `Host` header.
    func text(host: String) -> String {
        let names = needsKey ? [] : adapters.list().map(\.name)
        let header = needsKey ? "-H 'Authorization: Bearer KEY' " : ""
        return """
            Punica serves many LoRA fine-tunes of one base model at once, through OpenAI's API.

            Base model
              \(model.names.joined(separator: ", "))
            \(list(of: names))
            Try
              curl http://\(host)/v1/\(example(for: names.first ?? model.name, header))

            Also: /v1/chat/completions  /v1/models  /tokenize  /detokenize  /health  /ready  /metrics  /dashboard

            """
    }

    /// Route, headers and body of a request that suits the model: those with a template were trained to chat.
    private func example(for name: String, _ header: String) -> String {
        let isChat = model.template != nil
        let text = isChat ? #""messages": [{"role": "user", "content": "Hello"}]"# : #""prompt": "Hello""#
        return (isChat ? "chat/completions" : "completions") + " \(header)-H 'Content-Type: application/json' \\\n"
            + "    -d '{\"model\": \"\(name)\", \(text), \"max_tokens\": 32}'"
    }

    private func list(of names: [String]) -> String {
        if needsKey { return "\nAdapters: GET /v1/models\n" }
        let shown = names.isEmpty ? ["none yet"] : names.prefix(Self.shownCount)
        let left = names.count - shown.count
        let more = left > 0 ? "\n  ... and \(left) more: GET /v1/models" : ""
        return "\nAdapters (\(names.count))" + shown.map { "\n  \($0)" }.joined() + more + "\n"
    }
}
