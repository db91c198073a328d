#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Where CUDA's libraries may lie.
///
/// In order: the folders of `PUNICA_CUDA_LIBRARIES` (separated by colons), whatever the loader finds by name, toolkits in
/// `/usr/local`, the system's folder, and the wheels of Python environments (`site-packages/nvidia/*/lib`): the one in
/// use, those whose `bin` is on the path, and those in usual places.
package struct LibrarySearch: Sendable {
    /// The environment variable that comes first.
    package static let variable = "PUNICA_CUDA_LIBRARIES"

    /// Folders searched before the loader is asked.
    package let preferred: [String]
    /// Folders searched after.
    package let others: [String]

    package init(preferred: [String], others: [String]) {
        self.preferred = preferred
        self.others = others
    }

    /// The machine's folders.
    ///
    /// - Parameter environment: the value of an environment variable.
    package init(environment: (String) -> String? = Self.processEnvironment) {
        preferred = Self.split(environment(Self.variable))
        let toolkits = Self.matches("/usr/local/cuda*/lib64").reversed() + Self.matches("/usr/local/nvidia/lib64")
        let wheels = Self.pythonPrefixes(environment).flatMap { prefix in
            Self.matches("\(prefix)/lib/python3*/site-packages/nvidia/*/lib")
                + Self.matches("\(prefix)/lib/python3*/dist-packages/nvidia/*/lib")
        }
        var seen: Set<String> = []
        others = (toolkits + Self.matches("/usr/lib/*-linux-gnu") + wheels).filter { seen.insert($0).inserted }
    }

    /// What to ask the loader for, in order.
    ///
    /// - Parameter names: file names of one library, best first.
    package func candidates(_ names: [String]) -> [String] {
        let inFolders: ([String]) -> [String] = { folders in
            folders.flatMap { folder in names.map { "\(folder)/\($0)" } }
        }
        return inFolders(preferred) + names + inFolders(others)
    }

    package static func processEnvironment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    private static func pythonPrefixes(_ environment: (String) -> String?) -> [String] {
        let inUse = [environment("VIRTUAL_ENV"), environment("CONDA_PREFIX")].compactMap(\.self)
        let onPath = split(environment("PATH")).filter { $0.hasSuffix("/bin") }.map { String($0.dropLast(4)) }
        let home = environment("HOME").map { ["\($0)/.local"] } ?? []
        return inUse + onPath + home + ["/opt/venv", "/opt/*/.venv", "/opt/conda", "/usr/local", "/usr", ".venv"]
    }

    private static func split(_ list: String?) -> [String] {
        (list ?? "").split(separator: ":").map(String.init)
    }

    /// The existing paths that a pattern matches, in the order of their names.
    static func matches(_ pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { index in found.gl_pathv[index].map { String(cString: $0) } }
    }
}
