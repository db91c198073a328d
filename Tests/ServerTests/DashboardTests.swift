import Cluster
import Frontend
import FrontendFakes
import HTTPTypes
import JSON
import Testing

@testable import Server

private let page = "/dashboard"
private let state = "/dashboard/state"

struct DashboardTests {
    @Test func `the page asks nobody else for anything`() async throws {
        let answer = try await TestServer().send(.get, page)
        #expect(answer.status == 200)
        #expect(answer.headers[.contentType] == "text/html; charset=utf-8")
        #expect(answer.text.hasPrefix("<!doctype html>"))
        for foreign in ["http:", "https:", "url(", "@import", "src=", "import(", "innerHTML", "eval("] {
            #expect(!answer.text.contains(foreign), "\(foreign)")
        }
        #expect(answer.text.components(after: "href=\"") == ["data:,"])
        #expect(answer.text.components(after: "fetch(`") == ["dashboard/state${after === undefined ? "])
    }

    @Test func `only what the page itself has may run in it`() async throws {
        let answer = try await TestServer().send(.get, page)
        let policy = try #require(answer.headers[.contentSecurityPolicy])
        let parts = Set(policy.split(separator: "; ").map(String.init))
        for part in ["default-src 'none'", "connect-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
            #expect(parts.contains(part), "\(part)")
        }
        #expect(!policy.contains("unsafe"))
        let scripts = parts.filter { $0.hasPrefix("script-src") }
        #expect(scripts.count == 1)
        // 'sha256-' and 32 bytes as 44 characters.
        #expect(scripts.allSatisfy { $0.wholeMatch(of: /script-src 'sha256-[A-Za-z0-9+\/]{43}='/) != nil })
        #expect(answer.headers[.xContentTypeOptions] == "nosniff")
        #expect(answer.headers[.cacheControl] == "no-store")
    }

    @Test func `the state is a snapshot and a history`() async throws {
        let server = try TestServer()
        _ = try await server.send(.post, "/admin/adapters", body: #"{"name":"<b>","path":"/tmp"}"#)
        let answer = try await server.send(.get, state)
        #expect(answer.status == 200)
        let snapshot = try ClusterSnapshot(try #require(answer.json?["snapshot"]))
        #expect(snapshot.model == "base")
        #expect(snapshot.capacity == 8)
        #expect(snapshot.runners.items.map(\.name) == ["test"])
        #expect(snapshot.runners.items.first?.adapters.items.map(\.name) == ["<b>"])
        #expect(answer.json?["history"]?["times"]?.array == [.number(snapshot.time)])
        #expect(answer.json?["history"]?["runners"]?.array?.first?["batches"] == [0])
    }

    @Test func `only younger samples are told to who knows the older`() async throws {
        let server = try TestServer()
        let first = try await server.send(.get, state).json
        let time = try #require(first?["snapshot"]?["time"]?.double)
        let again = try await server.send(.get, "\(state)?after=\(time)").json
        #expect(again?["history"]?["times"] == [])
        let early = try await server.send(.get, "\(state)?after=\(time - 1)").json
        #expect(early?["history"]?["times"] == [.number(time)])
    }

    @Test(arguments: ["x", "", "nan", "inf", "1;2"])
    func `a time that is none is refused`(text: String) async throws {
        let answer = try await TestServer().send(.get, "\(state)?after=\(text)")
        #expect(answer.status == 400)
        #expect(answer.json?["error"]?["param"] == "after")
    }

    @Test func `with an admin key the page is open and the state is not`() async throws {
        let server = try TestServer {
            $0.adminKey = "root"
            $0.apiKeys = ["tenant"]
            $0.address.host = "0.0.0.0"
        }
        #expect(try await server.send(.get, page).status == 200)
        #expect(try await server.send(.get, state).status == 401)
        #expect(try await server.send(.get, state, headers: [.authorization: "Bearer tenant"]).status == 401)
        #expect(try await server.send(.get, state, headers: [.authorization: "Bearer root"]).status == 200)
    }

    @Test func `without a key only this machine sees the state, and no page of another origin`() async throws {
        #expect(try await TestServer().send(.get, state).status == 200)
        let foreign = try await TestServer().send(.get, state, headers: [.origin: "http://evil.example"])
        #expect(foreign.status == 403)
        let open = try TestServer { $0.address.host = "0.0.0.0" }
        #expect(try await open.send(.get, state).errorCode == "admin_is_local")
    }

    @Test func `a port for admin routes takes the dashboard with it`() async throws {
        let server = try TestServer { $0.adminAddress = .init(host: "127.0.0.1", port: 0) }
        #expect(try await server.send(.get, page).status == 404)
        #expect(try await server.send(.get, state).status == 404)
    }

    @Test func `the monitor keeps looking until it is told to stop`() async throws {
        let source = CountingSource()
        let monitor = DashboardMonitor(source: source)
        for _ in 0..<3 { await monitor.look() }
        let view = await monitor.view()
        #expect(view.latest.time == 3)
        #expect(view.history.samples.map(\.time) == [1, 2, 3])
    }
}

/// A snapshot a second, by its own clock.
private actor CountingSource: SnapshotSource {
    private var time = 0.0

    func snapshot() async -> ClusterSnapshot {
        time += 1
        return ClusterSnapshot(time: time, model: "base")
    }
}

extension String {
    /// What follows each occurrence of a mark, up to the next quotation mark.
    fileprivate func components(after mark: String) -> [String] {
        split(separator: mark, omittingEmptySubsequences: false).dropFirst().map { part in
            String(part.prefix { $0 != "\"" && $0 != "`" })
        }
    }
}
