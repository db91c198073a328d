import Adapters
import Core
import Engine
import FrontendFakes
import HTTPTypes
import JSON
import Testing

@testable import Server

struct RouteTests {
    @Test func `probes answer`() async throws {
        let server = try TestServer()
        #expect(try await server.send(.get, "/health").json == ["status": "ok"])
        #expect(try await server.send(.get, "/ready").json == ["status": "ready"])
        let head = try await server.send(.head, "/health")
        #expect(head.status == 200)
        #expect(head.text.isEmpty)
    }

    @Test func `an unknown path and a wrong method are told apart`() async throws {
        let server = try TestServer()
        let unknown = try await server.send(.get, "/v2/x")
        #expect(unknown.status == 404)
        #expect(unknown.errorCode == "not_found")
        let method = try await server.send(.get, "/v1/completions")
        #expect(method.status == 405)
        #expect(method.headers[.allow] == "POST")
        #expect(method.errorCode == "method_not_allowed")
    }

    @Test func `a request id is echoed if it is harmless, made if not`() async throws {
        let server = try TestServer()
        #expect(try await server.send(.get, "/health", headers: [.requestID: "abc-1"]).headers[.requestID] == "abc-1")
        for bad in ["", "a b", String(repeating: "x", count: 129), "é"] {
            let id = try await server.send(.get, "/health", headers: [.requestID: bad]).headers[.requestID]
            #expect(id?.utf8.count == 32)
        }
        #expect(try await server.send(.get, "/nowhere").headers[.requestID]?.utf8.count == 32)
    }

    @Test func `models are the base, its aliases and the adapters`() async throws {
        let server = try TestServer()
        _ = try await server.adapters.register(name: "org/fine", directory: "/tmp")
        let answer = try await server.send(.get, "/v1/models")
        let cards = try #require(answer.json?["data"]?.array)
        #expect(cards.map { $0["id"]?.string } == ["base", "base-alias", "org/fine"])
        #expect(cards.map { $0["parent"]?.string } == [nil, nil, "base"])
        let digest = try #require(server.adapters.describe(name: "org/fine")?.digest.hex)
        #expect(cards[2]["root"]?.string == "sha256:" + digest)
        #expect(!answer.text.contains("/tmp"))
        #expect(try await server.send(.get, "/v1/models/org/fine").json == cards[2])
        #expect(try await server.send(.get, "/v1/models/org%2Ffine").json == cards[2])
        #expect(try await server.send(.get, "/v1/models/base").json == cards[0])
        let unknown = try await server.send(.get, "/v1/models/org")
        #expect(unknown.status == 404)
        #expect(unknown.errorCode == "model_not_found")
    }

    @Test func `the page at the root shows adapters and a command`() async throws {
        let server = try TestServer()
        for number in 0..<30 {
            _ = try await server.adapters.register(name: "a\(number + 10)", directory: "/tmp")
        }
        let page = try await server.send(.get, "/")
        #expect(page.headers[.contentType] == "text/plain; charset=utf-8")
        #expect(page.text.contains("Adapters (30)"))
        #expect(page.text.contains("... and 10 more"))
        #expect(page.text.contains("curl http://localhost/v1/chat/completions"))
        #expect(page.text.contains(#""model": "a10""#))
    }

    @Test func `the page at the root names no tenant where a key is needed`() async throws {
        let server = try TestServer { $0.apiKeys = ["key"] }
        _ = try await server.adapters.register(name: "secret-tenant", directory: "/tmp")
        let page = try await server.send(.get, "/")
        #expect(page.status == 200)
        #expect(!page.text.contains("secret-tenant"))
        #expect(page.text.contains("Authorization: Bearer KEY"))
    }

    @Test func `text is tokenized and back`() async throws {
        let server = try TestServer()
        let body = #"{"prompt":"hé","return_token_strs":true}"#
        let tokens = try await server.send(.post, "/tokenize", body: body)
        #expect(
            tokens.json == [
                "count": 3, "max_model_len": 100, "tokens": [104, 195, 169], "token_strs": ["h", "Ã", "©"],
            ]
        )
        let text = try await server.send(.post, "/detokenize", body: #"{"tokens":[104,195,169]}"#)
        #expect(text.json == ["prompt": "hé"])
        #expect(try await server.send(.post, "/detokenize", body: #"{"tokens":[9999]}"#).status == 400)
        #expect(try await server.send(.post, "/tokenize", body: "{}").status == 400)
    }

    @Test func `keys are asked for where they are configured`() async throws {
        let server = try TestServer { $0.apiKeys = ["k"] }
        let refused = try await server.send(.get, "/v1/models")
        #expect(refused.status == 401)
        #expect(refused.errorCode == "missing_api_key")
        #expect(refused.headers[.wwwAuthenticate] == "Bearer")
        let wrong = try await server.send(.get, "/v1/models", headers: [.authorization: "Bearer x"])
        #expect(wrong.status == 401)
        #expect(wrong.errorCode == "invalid_api_key")
        #expect(try await server.send(.get, "/v1/models", headers: [.authorization: "Bearer k"]).status == 200)
        #expect(try await server.send(.get, "/health").status == 200)
        #expect(try await server.send(.get, "/metrics").status == 200)
    }

    @Test func `a device that has failed turns health and readiness red, with the reason`() async throws {
        let source = ScriptedSource(.text("hello"))
        let server = try TestServer(source)
        #expect(try await server.send(.get, "/health").status == 200)
        source.statistics.failure = "uncorrectable memory error"
        for path in ["/health", "/ready"] {
            let answer = try await server.send(.get, path)
            #expect(answer.status == 503)
            #expect(answer.errorCode == "device_failed")
            #expect(answer.text.contains("uncorrectable memory error"))
        }
    }
}
