import AdapterExchange
import Core
import Foundation
import HTTPTypes
import TestSupport
import Testing

@testable import Server

struct PublishedAdapterTests {
    private let folder: TemporaryFolder
    private var root: String { folder.path }
    private let server: TestServer
    private let digest = AdapterDigest(bytes: 0..<32)
    private let tensors = String(repeating: "tensor bytes ", count: 50_000)

    init() async throws {
        folder = try TemporaryFolder()
        let root = folder.path
        let source = root + "/source"
        try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
        try Data("{}".utf8).write(to: URL(fileURLWithPath: source + "/adapter_config.json"))
        try Data(tensors.utf8).write(to: URL(fileURLWithPath: source + "/adapter_model.safetensors"))
        try Data("secret".utf8).write(to: URL(fileURLWithPath: root + "/secret"))
        let origin = DirectoryOrigin(root: root + "/published")
        try await origin.publish(directory: source, digest: digest)
        server = try TestServer {
            $0.adminKey = "root"
            $0.publishedAdapters = origin
        }
    }

    private func get(_ path: String, key: String? = "root") async throws -> Answer {
        try await server.send(
            .get,
            "/internal/adapters/" + path,
            headers: key.map { [.authorization: "Bearer \($0)"] } ?? [:]
        )
    }

    @Test func `a published adapter's files are served whole`() async throws {
        let answer = try await get("\(digest.hex)/adapter_model.safetensors")
        #expect(answer.status == 200)
        #expect(answer.text == tensors)
        #expect(answer.headers[.contentLength] == "\(tensors.utf8.count)")
    }

    @Test(arguments: [nil, "wrong"])
    func `they want the admin key`(key: String?) async throws {
        #expect(try await get("\(digest.hex)/adapter_config.json", key: key).status == 401)
    }

    @Test(arguments: [
        "D/secret", "D/adapter_model.bin", "D/..%2f..%2fsecret", "../secret/x", "D/", "0000/adapter_config.json",
        "0000000000000000000000000000000000000000000000000000000000000000/adapter_config.json",
        "..%2fsource/adapter_config.json",
    ])
    func `nothing else is served`(path: String) async throws {
        let answer = try await get(path.replacingOccurrences(of: "D", with: digest.hex))
        #expect(answer.status == 404)
    }

    @Test func `a link in the published directory is not followed`() async throws {
        let path = root + "/published/\(digest.hex)/adapter_config.json"
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: root + "/secret")
        let answer = try await get("\(digest.hex)/adapter_config.json")
        #expect(answer.status == 500)
        #expect(answer.errorCode == "published_file_unreadable")
        #expect(!answer.text.contains("secret"))
    }

    @Test func `a server that publishes nothing has no such files`() async throws {
        let answer = try await TestServer().send(.get, "/internal/adapters/\(digest.hex)/adapter_config.json")
        #expect(answer.status == 404)
    }
}
