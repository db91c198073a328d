import Core

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What is done with whole directories of adapters; everything here blocks.
enum AdapterDirectory {
    private static let chunkBytes = 1 << 20

    static func create(_ path: String) throws(AdapterExchangeError) {
        guard mkdir(path, 0o755) == 0 else { throw .system("create", path) }
    }

    /// Makes a directory and those above it unless they are there.
    static func createAll(_ path: String) throws(AdapterExchangeError) {
        var prefix = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            prefix += "/" + part
            guard mkdir(prefix, 0o755) == 0 || errno == EEXIST else { throw .system("create", prefix) }
        }
    }

    /// Copies the two files of one directory into another, with their bytes checked against the limits.
    static func copy(
        from source: String,
        into target: String,
        limits: AdapterFileLimits
    ) throws(AdapterExchangeError) {
        for file in AdapterFile.allCases {
            let reader = try AdapterFileReader(directory: source, file: file, limit: limits[file])
            let writer = try AdapterFileWriter(directory: target, file: file, limit: limits[file])
            while true {
                let bytes = try reader.read(upTo: chunkBytes)
                if bytes.isEmpty { break }
                try bytes.span.withUnsafeBytes { (bytes) throws(AdapterExchangeError) in try writer.write(bytes) }
            }
            guard writer.byteCount == reader.byteCount else {
                let path = source + "/" + file.rawValue
                throw .lengthMismatch(path: path, announced: reader.byteCount, found: writer.byteCount)
            }
            try writer.finish()
        }
    }

    /// The bytes of the two files, of which each must be there and regular.
    static func byteCount(_ path: String) throws(AdapterExchangeError) -> Int {
        var total = 0
        for file in AdapterFile.allCases {
            total += try AdapterFileReader(directory: path, file: file, limit: .max).byteCount
        }
        return total
    }

    /// Gives a directory its final name.
    ///
    /// - Returns: false if that name is taken.
    static func rename(_ path: String, to final: String) throws(AdapterExchangeError) -> Bool {
        if systemRename(path, final) == 0 { return true }
        guard errno == EEXIST || errno == ENOTEMPTY else { throw .system("rename", path) }
        return false
    }

    /// Removes a directory with the files in it, links not followed; what cannot be removed stays.
    static func remove(_ path: String) {
        for name in (try? names(in: path)) ?? [] where unlink("\(path)/\(name)") != 0 {
            remove("\(path)/\(name)")
        }
        if rmdir(path) != 0 { unlink(path) }
    }

    static func names(in path: String) throws(AdapterExchangeError) -> [String] {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0, let stream = fdopendir(descriptor) else { throw .system("list", path) }
        defer { closedir(stream) }
        var names: [String] = []
        while let item = readdir(stream) {
            let name = withUnsafePointer(to: &item.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}

private func systemRename(_ path: String, _ final: String) -> Int32 { rename(path, final) }

/// Runs what blocks on a thread of its own, so that no executor waits for a disk.
func onOwnThread<T: Sendable>(
    _ work: @escaping @Sendable () -> Result<T, AdapterExchangeError>
) async throws(AdapterExchangeError) -> T {
    let result = await withCheckedContinuation { waiter in startThread { waiter.resume(returning: work()) } }
    return try result.get()
}
