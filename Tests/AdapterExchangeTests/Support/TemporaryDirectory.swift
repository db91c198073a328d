import Foundation

/// A directory that vanishes with the value that made it.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        // Resolved, so that paths compare equal to what the store reports.
        let base = URL(fileURLWithPath: NSTemporaryDirectory()).resolvingSymlinksInPath().path
        path = base + "/punica-exchange-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
