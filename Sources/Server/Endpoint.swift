/// What a request asks for: the table of routes.
enum Endpoint: Equatable {
    case adapter(name: String)
    case adapters
    case chatCompletions
    case completions
    case dashboard
    case dashboardState
    case detokenize
    case health
    case home
    case loadAdapter
    case metrics
    case model(id: String)
    case models
    case pinAdapter(name: String)
    case publishedAdapter(digest: String, file: String)
    case ready
    case registerAdapter
    case removeAdapter(name: String)
    case tokenize
    case unloadAdapter
    case unpinAdapter(name: String)

    /// Who may use an endpoint.
    enum Group {
        /// Anybody who reaches the socket: probes, the page at `/`, and metrics, whose labels name busy adapters.
        case open
        /// Holders of an API key.
        case api
        /// Holders of the admin key.
        case admin
        /// Anybody, but only where admin routes are: a page that holds no secret and asks for the admin key itself.
        case adminPage
    }

    enum Match: Equatable {
        case endpoint(Endpoint)
        /// The path exists, the method does not; the methods that do.
        case otherMethods([String])
        case none
    }

    var group: Group {
        switch self {
        case .health, .home, .metrics, .ready: .open
        case .chatCompletions, .completions, .detokenize, .model, .models, .tokenize: .api
        case .dashboard: .adminPage
        case .adapter, .adapters, .dashboardState, .loadAdapter, .pinAdapter, .publishedAdapter, .registerAdapter,
            .removeAdapter, .unloadAdapter, .unpinAdapter:
            .admin
        }
    }

    var readsBody: Bool {
        switch self {
        case .chatCompletions, .completions, .detokenize, .loadAdapter, .registerAdapter, .tokenize, .unloadAdapter:
            true
        default: false
        }
    }

    /// - Parameter path: without query, percent-encoding removed.
    static func find(method: String, path: String) -> Match {
        let methods = endpoints(path)
        if methods.isEmpty { return .none }
        let wanted = method == "HEAD" ? "GET" : method
        if let found = methods.first(where: { $0.method == wanted }) { return .endpoint(found.endpoint) }
        return .otherMethods(methods.map(\.method))
    }

    private static func endpoints(_ path: String) -> [(method: String, endpoint: Endpoint)] {
        switch path {
        case "/": [("GET", .home)]
        case "/health": [("GET", .health)]
        case "/ready": [("GET", .ready)]
        case "/metrics": [("GET", .metrics)]
        case "/v1/models": [("GET", .models)]
        case "/v1/completions": [("POST", .completions)]
        case "/v1/chat/completions": [("POST", .chatCompletions)]
        case "/tokenize": [("POST", .tokenize)]
        case "/detokenize": [("POST", .detokenize)]
        case "/v1/load_lora_adapter": [("POST", .loadAdapter)]
        case "/v1/unload_lora_adapter": [("POST", .unloadAdapter)]
        case "/dashboard": [("GET", .dashboard)]
        case "/dashboard/state": [("GET", .dashboardState)]
        case "/admin/adapters": [("GET", .adapters), ("POST", .registerAdapter)]
        default: named(path)
        }
    }

    /// Paths that end in a name, which may hold slashes.
    private static func named(_ path: String) -> [(method: String, endpoint: Endpoint)] {
        if let id = path.after("/v1/models/") { return [("GET", .model(id: id))] }
        if let item = path.after("/internal/adapters/") { return published(item) }
        guard let name = path.after("/admin/adapters/") else { return [] }
        if let pinned = name.before("/pin") { return [("POST", .pinAdapter(name: pinned))] }
        if let unpinned = name.before("/unpin") { return [("POST", .unpinAdapter(name: unpinned))] }
        return [("GET", .adapter(name: name)), ("DELETE", .removeAdapter(name: name))]
    }

    /// `<digest>/<file>`, neither of which holds a slash.
    private static func published(_ item: String) -> [(method: String, endpoint: Endpoint)] {
        let parts = item.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else { return [] }
        return [("GET", .publishedAdapter(digest: parts[0], file: parts[1]))]
    }
}

extension String {
    /// What follows a prefix; nil if nothing does.
    fileprivate func after(_ prefix: String) -> String? {
        guard hasPrefix(prefix), utf8.count > prefix.utf8.count else { return nil }
        return String(dropFirst(prefix.count))
    }

    /// What comes before a suffix; nil if nothing does.
    fileprivate func before(_ suffix: String) -> String? {
        guard hasSuffix(suffix), utf8.count > suffix.utf8.count else { return nil }
        return String(dropLast(suffix.count))
    }
}
