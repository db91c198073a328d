import Adapters
import Hummingbird
import JSON
import OpenAI

/// The admin routes of adapters, and vLLM's two.
struct AdaptersEndpoint: Sendable {
    let store: AdapterStore
    let body: BodyReader

    func list() -> Response {
        Response(json: ["object": "list", "data": .array(store.list().map(\.json))])
    }

    func show(_ name: String) throws(ServerError) -> Response {
        guard let description = store.describe(name: name) else { throw .adapter(.unknownAdapter(name: name)) }
        return Response(json: description.json)
    }

    func register(_ request: Request) async throws(ServerError) -> Response {
        let registration = try AdapterRegistration.valid(try await body.read(request))
        return Response(json: try await register(registration).json, status: .created)
    }

    func remove(_ name: String) throws(ServerError) -> Response {
        try unregister(name)
        return Response(json: ["name": .string(name), "object": "adapter", "deleted": true])
    }

    func pin(_ name: String) async throws(ServerError) -> Response {
        do {
            try await store.pin(name: name)
        } catch {
            throw .adapter(error)
        }
        return try show(name)
    }

    func unpin(_ name: String) throws(ServerError) -> Response {
        do {
            try store.unpin(name: name)
        } catch {
            throw .adapter(error)
        }
        return try show(name)
    }

    /// Answers with a sentence, as vLLM does.
    func load(_ request: Request) async throws(ServerError) -> Response {
        let bytes = try await body.read(request)
        let registration = try parsed { () throws(OpenAIError) in try AdapterRegistration(parsingLoad: bytes) }
        _ = try await register(registration)
        return Response(text: "Success: LoRA adapter '\(registration.name)' added successfully.")
    }

    /// Answers with a sentence, as vLLM does.
    func unload(_ request: Request) async throws(ServerError) -> Response {
        let bytes = try await body.read(request)
        let name = try parsed { () throws(OpenAIError) in
            try FieldReader(body: bytes).requiredString("lora_name")
        }
        try unregister(name)
        return Response(text: "Success: LoRA adapter '\(name)' removed successfully.")
    }

    private func register(_ registration: AdapterRegistration) async throws(ServerError) -> AdapterDescription {
        let name = registration.name
        do {
            return try await store.register(
                name: name,
                directory: registration.directory,
                pinned: registration.isPinned,
                replacing: registration.replacement
            )
        } catch {
            throw .adapter(error)
        }
    }

    private func unregister(_ name: String) throws(ServerError) {
        do {
            try store.unregister(name: name)
        } catch {
            throw .adapter(error)
        }
    }
}
