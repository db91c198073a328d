import Adapters
import Foundation

/// What a user needs to know once the server listens: the address, the adapters, one line to try.
struct Greeting: Sendable {
    let base: String
    let adapters: [AdapterDescription]
    let host: String
    let needsKey: Bool
    /// The port of admin routes if they have one of their own.
    let adminPort: Int?

    func print(port: Int) {
        // Not `print`: into a pipe or a file, standard output would keep this for itself until the end.
        FileHandle.standardOutput.write(Data(text(port: port).utf8))
    }

    func text(port: Int) -> String {
        let address = address(port: port)
        var lines = ["Punica serves \(base) and \(adapters.count) adapters at \(address)", ""]
        let width = adapters.map(\.name.count).max() ?? 0
        for adapter in adapters.prefix(40) {
            let name = adapter.name.padding(toLength: width, withPad: " ", startingAt: 0)
            let modules = adapter.targetModules.joined(separator: ", ")
            lines.append("  \(name)  rank \(adapter.rank)  \(adapter.byteCount / 1024) KiB  \(modules)")
        }
        if adapters.count > 40 { lines.append("  … and \(adapters.count - 40) more: GET /v1/models") }
        let model = adapters.first?.name ?? base
        let key = needsKey ? " -H 'Authorization: Bearer YOUR_KEY'" : ""
        lines += [
            "", "Try:",
            "  curl \(address)/v1/chat/completions\(key) -H 'Content-Type: application/json' \\",
            #"    -d '{"model": "\#(model)", "temperature": 0,"#,
            #"         "messages": [{"role": "user", "content": "\#(Self.prompt)"}]}'"#,
            "", "Watch: \(dashboard(port: port))", "Stop with Ctrl-C.", "",
        ]
        return lines.joined(separator: "\n")
    }

    private func address(port: Int) -> String { "http://\(host.contains(":") ? "[\(host)]" : host):\(port)" }
    private func dashboard(port: Int) -> String { address(port: adminPort ?? port) + "/dashboard" }

    private static let prompt = "The old sailor found a golden key near the river."
}

/// Writes a line to standard error.
/// Writes at once, also where standard output is a file.
func printLine(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
}

func printError(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
}
