import Testing

@testable import Server

struct EndpointTests {
    @Test(arguments: [
        ("GET", "/", Endpoint.home), ("HEAD", "/health", .health), ("GET", "/ready", .ready),
        ("GET", "/metrics", .metrics), ("GET", "/v1/models", .models), ("GET", "/v1/models/a", .model(id: "a")),
        ("GET", "/v1/models/org/name/x", .model(id: "org/name/x")), ("POST", "/v1/completions", .completions),
        ("POST", "/v1/chat/completions", .chatCompletions), ("POST", "/tokenize", .tokenize),
        ("GET", "/dashboard", .dashboard), ("GET", "/dashboard/state", .dashboardState),
        ("POST", "/detokenize", .detokenize), ("POST", "/v1/load_lora_adapter", .loadAdapter),
        ("POST", "/v1/unload_lora_adapter", .unloadAdapter), ("GET", "/admin/adapters", .adapters),
        ("POST", "/admin/adapters", .registerAdapter), ("GET", "/admin/adapters/a/b", .adapter(name: "a/b")),
        ("DELETE", "/admin/adapters/a/b", .removeAdapter(name: "a/b")),
        ("POST", "/admin/adapters/a/b/pin", .pinAdapter(name: "a/b")),
        ("POST", "/admin/adapters/a/unpin", .unpinAdapter(name: "a")),
        ("GET", "/internal/adapters/ab/f.json", .publishedAdapter(digest: "ab", file: "f.json")),
    ])
    func `a path and its method name an endpoint`(method: String, path: String, endpoint: Endpoint) {
        #expect(Endpoint.find(method: method, path: path) == .endpoint(endpoint))
    }

    @Test(arguments: [
        ("POST", "/", ["GET"]), ("GET", "/v1/completions", ["POST"]), ("PUT", "/admin/adapters", ["GET", "POST"]),
        ("POST", "/admin/adapters/a", ["GET", "DELETE"]), ("DELETE", "/v1/models/a", ["GET"]),
        ("GET", "/admin/adapters/a/pin", ["POST"]),
    ])
    func `another method is told which ones exist`(method: String, path: String, methods: [String]) {
        #expect(Endpoint.find(method: method, path: path) == .otherMethods(methods))
    }

    @Test(arguments: [
        "", "//", "/v1", "/v1/models/", "/V1/models", "/admin/adapters/", "/v1/completions/", "/x",
        "/internal/adapters/", "/internal/adapters/ab", "/internal/adapters/ab/c/d",
    ])
    func `other paths do not exist`(path: String) {
        #expect(Endpoint.find(method: "GET", path: path) == .none)
    }

    @Test(arguments: [("/a%2Fb", "/a/b"), ("/%C3%A9", "/é"), ("/a+b", "/a+b"), ("", "")])
    func `percent encoding is removed`(encoded: String, decoded: String) {
        #expect(encoded.percentDecoded == decoded)
    }

    @Test(arguments: ["%", "%4", "%zz", "%FF", "/a%2"])
    func `broken percent encoding is noticed`(encoded: String) {
        #expect(encoded.percentDecoded == nil)
    }
}
