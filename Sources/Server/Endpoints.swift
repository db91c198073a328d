import Engine
import Frontend
import HTTPTypes
import Hummingbird
import JSON
import OpenAI

/// Everything that answers, and which part of it answers what.
struct Endpoints: Sendable {
    let generating: GeneratingEndpoint
    let tokenizing: TokenizeEndpoint
    let models: ModelsEndpoint
    let adapters: AdaptersEndpoint
    let published: PublishedAdaptersEndpoint
    let metrics: MetricsEndpoint
    let dashboard: DashboardEndpoint
    let home: HomePage
    let answers: ActiveAnswers

    func respond(
        _ endpoint: Endpoint,
        _ request: Request,
        _ context: ConnectionContext
    ) async throws(ServerError) -> Response {
        switch endpoint {
        case .chatCompletions: try await generating.chat(request, context)
        case .completions: try await generating.completions(request, context)
        case .tokenize: try await tokenizing.tokenize(request)
        case .detokenize: try await tokenizing.detokenize(request)
        case .models: models.list()
        case .model(let id): try models.show(id)
        case .home: Response(text: home.text(host: request.head.authority ?? "localhost"))
        case .metrics: metrics.respond()
        case .dashboard: dashboard.page.respond()
        case .dashboardState: try await dashboard.state(request)
        case .health: try health()
        case .ready: try ready()
        case .adapters: adapters.list()
        case .adapter(let name): try adapters.show(name)
        case .registerAdapter: try await adapters.register(request)
        case .removeAdapter(let name): try adapters.remove(name)
        case .pinAdapter(let name): try await adapters.pin(name)
        case .unpinAdapter(let name): try adapters.unpin(name)
        case .publishedAdapter(let digest, let file): try await published.show(digest: digest, file: file, context)
        case .loadAdapter: try await adapters.load(request)
        case .unloadAdapter: try await adapters.unload(request)
        }
    }

    /// Says no once the device has failed, which only a new process mends.
    private func health() throws(ServerError) -> Response {
        if let failure = metrics.frontend.statistics.failure { throw .deviceFailed(failure) }
        return Response(json: ["status": "ok"])
    }

    /// Says no from the moment the server is told to stop or the device has failed, so that balancers look elsewhere.
    private func ready() throws(ServerError) -> Response {
        _ = try health()
        if answers.isDraining { throw .draining }
        return Response(json: ["status": "ready"])
    }
}
