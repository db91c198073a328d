import Core
import Foundation
import Testing

@testable import AdapterExchange

struct DirectoryOriginTests {
    private let directory: TemporaryDirectory
    private let origin: DirectoryOrigin
    private let digest = AdapterDigest.number(1)

    init() throws {
        directory = try TemporaryDirectory()
        origin = DirectoryOrigin(
            root: directory.path + "/shared/adapters",
            limits: AdapterFileLimits(configurationBytes: 10, tensorBytes: 3_000_000)
        )
    }

    /// A directory with the two files, made anew.
    private func source(configuration: String = "{}", tensors: Data = Data("tensors".utf8)) throws -> String {
        let path = directory.path + "/source-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Data(configuration.utf8).write(to: URL(fileURLWithPath: path + "/adapter_config.json"))
        try tensors.write(to: URL(fileURLWithPath: path + "/adapter_model.safetensors"))
        return path
    }

    private func target() throws -> String {
        let path = directory.path + "/target-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    @Test func `what is published is fetched, byte for byte`() async throws {
        let tensors = Data((0..<2_500_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) })
        let source = try source(tensors: tensors)
        #expect(try await origin.publish(directory: source, digest: digest))
        // The published copy does not change with its source.
        try Data("changed".utf8).write(to: URL(fileURLWithPath: source + "/adapter_model.safetensors"))
        let target = try target()
        try await origin.fetch(digest, into: target)
        #expect(FileManager.default.contents(atPath: target + "/adapter_model.safetensors") == tensors)
        #expect(FileManager.default.contents(atPath: target + "/adapter_config.json") == Data("{}".utf8))
    }

    @Test func `publishing again changes nothing, and a race has one winner`() async throws {
        let source = try source()
        let wins = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 { group.addTask { try await origin.publish(directory: source, digest: digest) } }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(wins == 1)
        #expect(try await !origin.publish(directory: source, digest: digest))
        // Nothing half done is left behind.
        #expect(try FileManager.default.contentsOfDirectory(atPath: origin.root) == [digest.hex])
    }

    @Test func `an adapter that was never published is not found`() async throws {
        let target = try target()
        await #expect(throws: AdapterExchangeError.notFound(digest: digest, origin: origin.root)) {
            try await origin.fetch(digest, into: target)
        }
        #expect(try origin.open(.tensors, of: digest) == nil)
    }

    @Test func `files beyond their limits are refused and leave nothing`() async throws {
        let source = try source(configuration: "{\"r\": 12345}")
        let path = source + "/adapter_config.json"
        await #expect(throws: AdapterExchangeError.fileTooLarge(path: path, bytes: 12, limit: 10)) {
            try await origin.publish(directory: source, digest: digest)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: origin.root) == [])
    }

    @Test(arguments: ["link", "pipe", "directory", "linked directory"])
    func `what is no regular file inside the directory is refused`(kind: String) async throws {
        let source = try source()
        let path = source + "/adapter_model.safetensors"
        try FileManager.default.createDirectory(atPath: origin.root, withIntermediateDirectories: true)
        try FileManager.default.removeItem(atPath: path)
        switch kind {
        case "link": try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/etc/passwd")
        case "pipe": try #require(mkfifo(path, 0o644) == 0)
        default: try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        let final = origin.root + "/" + digest.hex
        if kind == "linked directory" {
            try FileManager.default.createSymbolicLink(atPath: final, withDestinationPath: try self.source())
        } else {
            try FileManager.default.moveItem(atPath: source, toPath: final)
        }
        let target = try target()
        await #expect(throws: AdapterExchangeError.self) { try await origin.fetch(digest, into: target) }
        if kind == "linked directory" {
            #expect(try origin.open(.tensors, of: digest) == nil)
        } else {
            let irregular = AdapterExchangeError.irregularFile(path: final + "/adapter_model.safetensors")
            #expect(throws: irregular) { _ = try origin.open(.tensors, of: digest) }
        }
    }
}
