import Adapters
import HTTPTypes
import JSON
import Testing

@testable import Server

private let adapters = "/admin/adapters"

struct AdminRouteTests {
    @Test func `an adapter's life`() async throws {
        let server = try TestServer()
        let made = try await server.send(.post, adapters, body: #"{"name":"org/a","path":"/tmp","pinned":true}"#)
        #expect(made.status == 201)
        #expect(made.json?["name"] == "org/a")
        #expect(made.json?["pinned"] == true)
        #expect(made.json?["path"] == "/tmp")
        let digest = try #require(made.json?["digest"]?.string)
        #expect(digest.count == 64)
        #expect(try await server.send(.get, adapters).json?["data"] == [try #require(made.json)])
        #expect(try await server.send(.get, "\(adapters)/org/a").json == made.json)
        #expect(try await server.send(.post, "\(adapters)/org/a/unpin").json?["pinned"] == false)
        #expect(try await server.send(.post, "\(adapters)/org/a/pin").json?["pinned"] == true)
        #expect(try await server.send(.delete, "\(adapters)/org/a").json?["deleted"] == true)
        #expect(try await server.send(.get, "\(adapters)/org/a").status == 404)
    }

    @Test(arguments: ["org/pin", "org/unpin", "a,b", "base"])
    func `a name that a route or a metric could not tell is refused`(name: String) async throws {
        let answer = try await TestServer().send(.post, adapters, body: #"{"name":"\#(name)","path":"/tmp"}"#)
        #expect(answer.status == 400)
        #expect(answer.errorCode == "invalid_adapter_name")
    }

    @Test func `a taken name is replaced only as told`() async throws {
        let server = try TestServer()
        func register(_ path: String, _ replace: String) async throws -> Answer {
            try await server.send(.post, adapters, body: #"{"name":"a","path":"\#(path)","replace":\#(replace)}"#)
        }
        let first = try await register("/tmp", "false")
        let digest = try #require(first.json?["digest"]?.string)
        let taken = try await register("/usr", "false")
        #expect(taken.status == 409)
        #expect(taken.errorCode == "adapter_conflict")
        let wrong = String(repeating: "00", count: 32)
        #expect(try await register("/usr", "\"\(wrong)\"").status == 409)
        #expect(try await register("/usr", "\"\(digest)\"").status == 201)
        #expect(try await register("/etc", "true").json?["path"] == "/etc")
    }

    @Test(arguments: [
        ("{}", "name"), (#"{"name":"a"}"#, "path"), (#"{"name":1,"path":"/tmp"}"#, "name"),
        (#"{"name":"a","path":"/tmp","replace":"xyz"}"#, "replace"),
        (#"{"name":"a","path":"/tmp","replace":1}"#, "replace"),
        (#"{"name":"a","path":"/tmp","pinned":"yes"}"#, "pinned"),
    ])
    func `a malformed registration names its field`(body: String, field: String) async throws {
        let answer = try await TestServer().send(.post, adapters, body: body)
        #expect(answer.status == 400)
        #expect(answer.json?["error"]?["param"]?.string == field)
    }

    @Test func `vLLM's two routes do the same`() async throws {
        let server = try TestServer()
        let load = #"{"lora_name":"a","lora_path":"/tmp"}"#
        #expect(try await server.send(.post, "/v1/load_lora_adapter", body: load).status == 200)
        #expect(try await server.send(.post, "/v1/load_lora_adapter", body: load).status == 409)
        #expect(server.adapters.list().map(\.name) == ["a"])
        let unload = #"{"lora_name":"a"}"#
        #expect(try await server.send(.post, "/v1/unload_lora_adapter", body: unload).status == 200)
        let again = try await server.send(.post, "/v1/unload_lora_adapter", body: unload)
        #expect(again.status == 404)
        #expect(again.errorCode == "adapter_not_found")
    }

    @Test func `what cannot be an adapter is refused`() async throws {
        let server = try TestServer()
        let base = try await server.send(.post, adapters, body: #"{"name":"base-alias","path":"/tmp"}"#)
        #expect(base.status == 400)
        #expect(base.errorCode == "invalid_adapter_name")
        let missing = try await server.send(.post, adapters, body: #"{"name":"a","path":"/nowhere/at/all"}"#)
        #expect(missing.status == 400)
        #expect(missing.errorCode == "invalid_adapter")
        #expect(server.adapters.list().isEmpty)
    }

    @Test func `an adapter answers under its name and says which content it was`() async throws {
        let server = try TestServer()
        let made = try await server.send(.post, adapters, body: #"{"name":"a","path":"/tmp"}"#)
        let answer = try await server.send(.post, "/v1/completions", body: #"{"model":"a","prompt":"x"}"#)
        #expect(answer.status == 200)
        #expect(answer.json?["model"] == "a")
        #expect(answer.headers[.adapterDigest] == made.json?["digest"]?.string)
        #expect(try await server.send(.get, "\(adapters)/a").json?["hits"] == 1)
        _ = try await server.send(.delete, "\(adapters)/a")
        let gone = try await server.send(.post, "/v1/completions", body: #"{"model":"a","prompt":"x"}"#)
        #expect(gone.errorCode == "model_not_found")
    }

    @Test func `what does not exist is not found`() async throws {
        let server = try TestServer()
        #expect(try await server.send(.get, "\(adapters)/x").status == 404)
        #expect(try await server.send(.delete, "\(adapters)/x").status == 404)
        #expect(try await server.send(.post, "\(adapters)/x/pin").status == 404)
    }

    @Test(arguments: ["/admin/adapters", "/admin/adapters/a"])
    func `admin routes want the admin key`(path: String) async throws {
        let server = try TestServer { $0.adminKey = "root" }
        #expect(try await server.send(.get, path).status == 401)
        #expect(try await server.send(.get, path, headers: [.authorization: "Bearer no"]).status == 401)
        #expect(try await server.send(.get, path, headers: [.authorization: "Bearer root"]).status != 401)
        #expect(try await server.send(.post, "/v1/load_lora_adapter", body: "{}").status == 401)
        #expect(try await server.send(.post, "/v1/unload_lora_adapter", body: "{}").status == 401)
    }

    @Test func `without a key a server that others can reach has no admin routes for them`() async throws {
        let server = try TestServer { $0.address.host = "0.0.0.0" }
        let answer = try await server.send(.get, adapters)
        #expect(answer.status == 403)
        #expect(answer.errorCode == "admin_is_local")
    }

    @Test func `a port for admin routes takes them off the public one`() async throws {
        let server = try TestServer { $0.adminAddress = .init(host: "127.0.0.1", port: 0) }
        #expect(try await server.send(.get, adapters).status == 404)
        #expect(try await server.send(.post, "/v1/load_lora_adapter", body: "{}").status == 404)
        #expect(try await server.send(.get, "/v1/models").status == 200)
    }
}
