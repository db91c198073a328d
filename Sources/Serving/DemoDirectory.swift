internal import Foundation

/// Where the bundled demo lies: its base model, its adapters and prompts to show them with.
package struct DemoDirectory: Sendable {
    package let path: String

    package var model: String { path + "/base" }
    package var adapters: String { path + "/adapters" }
    package var prompts: String { path + "/prompts.json" }

    /// Looks for the demo where `PUNICA_DEMO` says, else in the working directory and in those above the executable.
    package init(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        executable: String = CommandLine.arguments.first ?? ""
    ) throws(ServingError) {
        var candidates: [String] = []
        if let path = environment["PUNICA_DEMO"] {
            candidates = [path]
        } else {
            candidates.append(FileManager.default.currentDirectoryPath + "/Demo")
            var directory = URL(filePath: executable).resolvingSymlinksInPath().deletingLastPathComponent()
            // A build product lies four folders below its package.
            for _ in 0..<6 where directory.path != "/" {
                candidates.append(directory.appending(path: "Demo").path)
                directory = directory.deletingLastPathComponent()
            }
        }
        let found = candidates.first { FileManager.default.fileExists(atPath: $0 + "/base/config.json") }
        guard let found else { throw .demoNotFound(tried: candidates) }
        path = found
    }
}
