import Engine
import FrontendFakes
import JSON
import ServiceLifecycle
import Testing

@testable import Server

private let request = #"{"model":"base","prompt":"x","max_tokens":90,"stream":true}"#
private let oneToken = GenerationEvent.token(GeneratedToken(index: 0, id: TestModel.token(65)))

/// Runs a server on a free port while `work` talks to it.
private func serving(
    _ server: TestServer,
    _ work: @Sendable (Int, ServiceGroup) async throws -> Void
) async throws {
    let (ports, found) = AsyncStream.makeStream(of: Int.self)
    let group = server.server.serviceGroup { found.yield($0) }
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        guard let port = await ports.first(where: { _ in true }) else { return }
        do {
            try await work(port, group)
        } catch {
            await group.triggerGracefulShutdown()
            throw error
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
    }
}

private func eventually(_ condition: () -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(600)
    while !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record("still not so after ten minutes")
            return
        }
        try await Task.sleep(for: .milliseconds(2))
    }
}

/// What only sockets show.
///
/// One after the other, since each listens for signals.
@Suite(.serialized)
struct LiveTests {
    @Test(arguments: [true, false])
    func `a port that is taken is named in the error`(isAdmins: Bool) async throws {
        try await serving(try TestServer()) { port, _ in
            let second = try TestServer {
                if isAdmins { $0.adminAddress = .init(host: "127.0.0.1", port: port) } else { $0.address.port = port }
            }
            await #expect(
                throws: ListenError(host: "127.0.0.1", port: port, reason: "Address already in use")
            ) {
                try await second.server.run()
            }
        }
    }

    @Test(arguments: [true, false])
    func `a client that vanishes ends its request though no token comes`(streams: Bool) async throws {
        let source = ScriptedSource(.events([oneToken]))
        try await serving(try TestServer(source)) { port, _ in
            let wire = try Wire(port: port)
            wire.post("/v1/completions", #"{"model":"base","prompt":"x","max_tokens":90,"stream":\#(streams)}"#)
            if streams {
                #expect(try await wire.read(until: "\"text\":\"A\"").text.contains("200 OK"))
            } else {
                try await eventually { source.openCount == 1 }
            }
            wire.leave()
            try await eventually { source.openCount == 0 }
            #expect(source.cancelled.count == 1)
        }
    }

    @Test func `a connection serves one request after another, streams included`() async throws {
        try await serving(try TestServer()) { port, _ in
            let wire = try Wire(port: port)
            for _ in 0..<3 {
                wire.post("/v1/completions", request)
                #expect(try await wire.read(until: "data: [DONE]\n\n\r\n0\r\n\r\n").text.contains("200 OK"))
                wire.get("/health")
                #expect(try await wire.read(until: #"{"status":"ok"}"#).text.contains("200 OK"))
            }
        }
    }

    @Test func `a body that does not come is not waited for`() async throws {
        try await serving(try TestServer { $0.bodyTimeout = .milliseconds(200) }) { port, _ in
            let wire = try Wire(port: port)
            wire.send("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"mo")
            let (text, isClosed) = try await wire.readToEnd()
            #expect(text.contains("408 Request Timeout"))
            #expect(text.contains("request_timeout"))
            #expect(isClosed)
        }
    }

    @Test func `a body that is too large is answered before it is sent`() async throws {
        try await serving(try TestServer()) { port, _ in
            let wire = try Wire(port: port)
            wire.send("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n")
            let (text, isClosed) = try await wire.readToEnd()
            #expect(text.contains("413 "))
            #expect(isClosed)
        }
    }

    @Test(arguments: [
        "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        "POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
        "GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
    ])
    func `a body that nobody reads does not hold the connection`(start: String) async throws {
        try await serving(try TestServer { $0.apiKeys = ["key"] }) { port, _ in
            let wire = try Wire(port: port)
            wire.send(start)
            let (text, isClosed) = try await wire.readToEnd()
            #expect(text.lowercased().contains("connection: close"))
            #expect(isClosed)
        }
    }

    @Test(arguments: ["", "GET / HTTP/1.1\r\nHos"])
    func `a connection that says nothing whole is closed`(start: String) async throws {
        try await serving(try TestServer { $0.idleTimeout = .milliseconds(200) }) { port, _ in
            let wire = try Wire(port: port)
            wire.send(start)
            #expect(try await wire.readToEnd().isClosed)
        }
    }

    @Test func `what is not HTTP is refused`() async throws {
        try await serving(try TestServer()) { port, _ in
            let wire = try Wire(port: port)
            wire.send("\u{1}\u{2}nonsense\r\n\r\n")
            let (text, isClosed) = try await wire.readToEnd()
            #expect(text.contains("400 Bad Request"))
            #expect(isClosed)
        }
    }

    @Test func `a reader that stalls is cut off when too much is unread`() async throws {
        let source = ScriptedSource(.endless)
        try await serving(try TestServer(source, pendingLimit: 64)) { port, _ in
            let wire = try Wire(port: port, window: 4096)
            wire.post("/v1/completions", request)
            try await eventually { source.requests.count == 1 && source.openCount == 0 }
            withExtendedLifetime(wire) {}
        }
    }

    @Test func `a reader that stalls too long is cut off`() async throws {
        let source = ScriptedSource(.endless)
        let server = try TestServer(source, pendingLimit: 100_000_000) { $0.stallTimeout = .milliseconds(300) }
        try await serving(server) { port, _ in
            let wire = try Wire(port: port, window: 4096)
            wire.post("/v1/completions", request)
            try await eventually { source.requests.count == 1 && source.openCount == 0 }
            withExtendedLifetime(wire) {}
        }
    }

    @Test func `a server that stops lets answers finish, says it is not ready, and cuts off what outlasts it`()
        async throws
    {
        let source = ScriptedSource(.events([oneToken]))
        let server = try TestServer(source) { $0.gracePeriod = .milliseconds(1500) }
        try await serving(server) { port, group in
            let wire = try Wire(port: port)
            wire.post("/v1/completions", request)
            _ = try await wire.read(until: "\"text\":\"A\"")
            await group.triggerGracefulShutdown()
            let probe = try Wire(port: port)
            var status = ""
            while !status.contains("503") {
                probe.get("/ready")
                status = try await probe.read(until: "\r\n\r\n").text
                try #require(status.contains("HTTP/1.1"))
            }
            #expect(source.openCount == 1)
            let late = try Wire(port: port)
            late.post("/v1/completions", request)
            #expect(try await late.read(until: "draining").text.contains("503"))
            let (text, isClosed) = try await wire.readToEnd()
            #expect(text.contains("\"code\":\"cancelled\""))
            #expect(!text.contains("[DONE]"))
            #expect(isClosed)
            #expect(source.openCount == 0)
        }
    }
}
