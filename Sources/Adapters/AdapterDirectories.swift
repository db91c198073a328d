import Weights

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Which directories adapters may be read from.
struct AdapterDirectories: Sendable {
    /// With links resolved; nil allows every directory.
    private let root: String?

    init(root: String?) throws(AdapterError) {
        self.root = if let root { try Self.resolved(root) } else { nil }
    }

    /// The real path of a directory, which with its two files must lie inside the root.
    func resolve(_ directory: String) throws(AdapterError) -> String {
        guard let root else { return try Self.resolved(directory) }
        let path = try Self.resolved(directory.hasPrefix("/") ? directory : root + "/" + directory)
        try check(path, root: root)
        for file in ["adapter_config.json", "adapter_model.safetensors"] where access(path + "/" + file, F_OK) == 0 {
            try check(try Self.resolved(path + "/" + file), root: root)
        }
        return path
    }

    private func check(_ path: String, root: String) throws(AdapterError) {
        let prefix = root.hasSuffix("/") ? root : root + "/"
        guard path == root || path.hasPrefix(prefix) else { throw .outsideRoot(path: path, root: root) }
    }

    private static func resolved(_ path: String) throws(AdapterError) -> String {
        // A zero byte would end the path early for the system, though not for the checks.
        guard !path.utf8.contains(0), let real = realpath(path, nil) else {
            let reason = path.utf8.contains(0) ? "the path has a zero byte" : String(cString: strerror(errno))
            throw .file(.unreadable(path: path, reason: reason))
        }
        defer { free(real) }
        return String(cString: real)
    }

    /// The names of the directories inside one that have an `adapter_config.json`, sorted; hidden ones are left out.
    static func adapters(in directory: String) throws(AdapterError) -> [String] {
        guard let stream = opendir(directory) else {
            throw .file(.unreadable(path: directory, reason: String(cString: strerror(errno))))
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let item = readdir(stream) {
            let name = withUnsafePointer(to: &item.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard !name.hasPrefix("."), access("\(directory)/\(name)/adapter_config.json", F_OK) == 0 else { continue }
            names.append(name)
        }
        return names.sorted()
    }
}
