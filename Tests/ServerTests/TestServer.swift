import Adapters
import Core
import Engine
import Frontend
import FrontendFakes
import Hummingbird
import HummingbirdTesting
import JSON
import Logging
import NIOCore

@testable import Server

/// A server with a scripted engine and adapters without weights.
struct TestServer {
    let server: Server
    /// Reads any directory but `/broken`; what a directory holds is told by its path.
    let adapters: AdapterStore

    init(
        _ source: ScriptedSource = ScriptedSource(.text("hello")),
        pendingLimit: Int = 4096,
        snapshots: (any SnapshotSource)? = nil,
        _ change: (inout ServerConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = ServerConfiguration()
        configuration.address.port = 0
        change(&configuration)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        adapters = try AdapterStore(budgetBytes: 1 << 20, reservedNames: ["base", "base-alias"]) {
            Self.adapter(in: $0)
        }
        let frontend = try TestModel.frontend(source, adapters: adapters, pendingLimit: pendingLimit)
        server = Server(
            configuration: configuration,
            frontend: frontend,
            adapters: adapters,
            snapshots: snapshots
                ?? LocalSnapshots(frontend: frontend, adapters: adapters, runnerName: "test", maxBatch: 8),
            logger: logger
        )
    }

    static func adapter(in directory: String) -> Result<LoadedAdapter, AdapterError> {
        if directory.hasSuffix("broken") { return .failure(.nothingTargeted(targets: "[]")) }
        let sum = directory.utf8.reduce(0) { ($0 &* 31 &+ UInt64($1)) }
        let digest = AdapterDigest(bytes: (0..<32).map { UInt8(truncatingIfNeeded: sum >> ($0 % 8 * 8)) })
        let summary = AdapterSummary(applied: [])
        return .success(LoadedAdapter(digest: digest, projections: [], byteCount: 1000, summary: summary))
    }

    func send(
        _ method: HTTPRequest.Method,
        _ path: String,
        headers: HTTPFields = [:],
        body: String? = nil
    ) async throws -> Answer {
        try await server.publicApplication().test(.router) { client in
            let buffer = body.map { ByteBuffer(string: $0) }
            return Answer(try await client.executeRequest(uri: path, method: method, headers: headers, body: buffer))
        }
    }
}

/// A response with its body as text.
struct Answer: Sendable {
    let status: Int
    let headers: HTTPFields
    let text: String

    init(_ response: TestResponse) {
        status = response.status.code
        headers = response.headers
        text = String(buffer: response.body)
    }

    var json: JSONValue? { try? JSONValue(parsing: [UInt8](text.utf8)) }
    var errorCode: String? { json?["error"]?["code"]?.string }

    /// The events of a stream, their `data:` removed.
    var events: [String] {
        text.split(separator: "\n\n").map { $0.hasPrefix("data: ") ? String($0.dropFirst(6)) : "not an event: \($0)" }
    }
}
