import Foundation
import JSON

@testable import Bench

/// The records of the repository.
enum RecordFiles {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../../Benchmarks/records"
    ).standardizedFileURL

    /// All of them, as `h200/decode.jsonl`.
    static let all: [String] = {
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasSuffix(".jsonl") }.sorted()
    }()

    static func path(_ name: String) -> String { folder.appending(path: name).path }

    static func read(_ name: String) throws -> [JSONObject] { try BenchReport.records(of: path(name)) }
}

/// A directory of one test's own.
struct TemporaryDirectory {
    let folder = FileManager.default.temporaryDirectory.appending(path: "bench-tests-\(UUID())")

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    func remove() { try? FileManager.default.removeItem(at: folder) }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: folder.appending(path: name))
        return path(name)
    }
}
