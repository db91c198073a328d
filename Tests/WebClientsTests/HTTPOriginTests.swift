import AsyncHTTPClient
import Core
import Foundation
import NIOHTTP1
import Testing

@testable import AdapterExchange
@testable import WebClients

struct HTTPOriginTests {
    private let digest = AdapterDigest(bytes: 0..<32)
    private let tensors = [UInt8]((0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 >> 3) })

    /// Fetches from a server that answers by `answer`; the files that were then there.
    private func fetch(
        limits: AdapterFileLimits = .init(),
        _ answer: @escaping @Sendable (ReceivedRequest) -> GivenAnswer
    ) async throws -> (files: [String: [UInt8]], requests: [ReceivedRequest]) {
        let directory = FileManager.default.temporaryDirectory.path + "/punica-http-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let server = try await TestHTTPServer(answer: answer)
        let client = HTTPOrigin.makeClient()
        do {
            let url = "http://127.0.0.1:\(server.port)/internal/adapters/"
            try await HTTPOrigin(url: url, key: "root", limits: limits, client: client).fetch(digest, into: directory)
        } catch {
            try await client.shutdown()
            throw error
        }
        try await client.shutdown()
        var files: [String: [UInt8]] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: directory) {
            files[name] = FileManager.default.contents(atPath: directory + "/" + name).map { Array($0) }
        }
        return (files, server.requests)
    }

    @Test func `both files are fetched with the key and written byte for byte`() async throws {
        let (files, requests) = try await fetch { [tensors] request in
            GivenAnswer(body: request.path.hasSuffix(".json") ? Array("{}".utf8) : tensors)
        }
        #expect(files == ["adapter_config.json": Array("{}".utf8), "adapter_model.safetensors": tensors])
        #expect(
            requests.map(\.path) == [
                "/internal/adapters/\(digest.hex)/adapter_config.json",
                "/internal/adapters/\(digest.hex)/adapter_model.safetensors",
            ]
        )
        #expect(requests.allSatisfy { $0.headers["authorization"] == "Bearer root" && $0.method == "GET" })
    }

    @Test func `an origin without it says so`() async throws {
        await #expect { _ = try await fetch { _ in GivenAnswer(status: .notFound) } } throws: { error in
            if case AdapterExchangeError.notFound(digest, _) = error { true } else { false }
        }
    }

    @Test(arguments: [401, 302, 206, 500])
    func `any other status is an error, and redirects are not followed`(status: Int) async throws {
        await #expect {
            _ = try await fetch { _ in
                GivenAnswer(status: .init(statusCode: status), headers: [("Location", "http://127.0.0.1:1/")])
            }
        } throws: { error in
            if case AdapterExchangeError.unexpectedStatus(_, status) = error { true } else { false }
        }
    }

    @Test func `a body longer than the limit is cut off`() async throws {
        await #expect {
            _ = try await fetch(limits: AdapterFileLimits(tensorBytes: 1000)) { [tensors] _ in
                GivenAnswer(body: tensors)
            }
        } throws: { error in
            if case AdapterExchangeError.fileTooLarge(_, _, limit: 1000) = error { true } else { false }
        }
    }

    @Test func `a body that breaks off is an error`() async throws {
        await #expect(throws: AdapterExchangeError.self) {
            _ = try await fetch { [tensors] _ in GivenAnswer(body: tensors, announcedLength: tensors.count + 1) }
        }
    }

    @Test func `a server that is not there is unreachable`() async throws {
        let client = HTTPOrigin.makeClient()
        let origin = try HTTPOrigin(url: "http://127.0.0.1:1", client: client)
        await #expect { try await origin.fetch(digest, into: "/tmp") } throws: { error in
            if case AdapterExchangeError.unreachable = error { true } else { false }
        }
        try await client.shutdown()
    }

    @Test(arguments: ["ftp://host/", "/path", "http://host/?a=b", "https://host/#x", ""])
    func `what is no origin is refused`(url: String) async throws {
        let client = HTTPOrigin.makeClient()
        #expect(throws: AdapterExchangeError.self) { try HTTPOrigin(url: url, client: client) }
        try await client.shutdown()
    }
}
