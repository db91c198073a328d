import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A process that cannot be mistaken for a later one with the same number.
struct ProcessIdentity: Sendable, Hashable {
    let pid: Int32
    /// When it started, in ticks since the machine did; nil where the system does not tell.
    let startTicks: UInt64?

    init(pid: Int32) {
        self.pid = pid
        startTicks = Self.startTicks(pid)
    }

    /// Whether it still runs; a process that has ended and was not yet waited for does not.
    var isAlive: Bool { startTicks != nil && Self.startTicks(pid) == startTicks }

    /// Sends a signal unless the process has ended.
    func send(_ signal: Int32) {
        guard isAlive || startTicks == nil else { return }
        kill(pid, signal)
    }

    /// Field 22 of `/proc/<pid>/stat`; nil for a process that has ended.
    private static func startTicks(_ pid: Int32) -> UInt64? {
        guard let text = text("/proc/\(pid)/stat"), let name = text.lastIndex(of: ")") else { return nil }
        // The second field is the name in parentheses, in which anything may stand; the third is the state.
        let fields = text[text.index(after: name)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
        return UInt64(fields[19])
    }

    /// Processes of this machine whose command line ends with `--machine NAME`, by that name.
    static func machines(named isOurs: (String) -> Bool) -> [String: ProcessIdentity] {
        var found: [String: ProcessIdentity] = [:]
        for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int32(entry), let command = text("/proc/\(pid)/cmdline") else { continue }
            let words = command.split(separator: "\0", omittingEmptySubsequences: true)
            guard words.count >= 3, words[words.count - 2] == "--machine", let name = words.last.map(String.init),
                isOurs(name)
            else { continue }
            let identity = ProcessIdentity(pid: pid)
            if identity.isAlive { found[name] = identity }
        }
        return found
    }

    private static func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}
