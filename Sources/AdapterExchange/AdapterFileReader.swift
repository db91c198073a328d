#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One file of an adapter's directory, open for reading from its start to its end.
///
/// Neither the directory nor the file may be a link, and the file must be a regular one, so that nobody who can write
/// into the directory can have another file read, or a reader wait for ever. `read` may be called from any thread, by
/// one caller at a time.
package final class AdapterFileReader: Sendable {
    /// The file's length when it was opened.
    package let byteCount: Int
    private let descriptor: Int32
    private let path: String

    /// - Parameter limit: the most bytes that the file may have.
    package init(directory: String, file: AdapterFile, limit: Int) throws(AdapterExchangeError) {
        path = directory + "/" + file.rawValue
        descriptor = try Self.open(directory: directory, file: file)
        do throws(AdapterExchangeError) {
            byteCount = try Self.regularByteCount(descriptor, path, limit: limit)
        } catch {
            close(descriptor)
            throw error
        }
    }

    private static func open(directory: String, file: AdapterFile) throws(AdapterExchangeError) -> Int32 {
        let folder = systemOpen(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard folder >= 0 else { throw .system("open", directory) }
        defer { close(folder) }
        // Not blocking: opening a pipe would otherwise wait for its writer.
        let descriptor = openat(folder, file.rawValue, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor < 0 else { return descriptor }
        let path = directory + "/" + file.rawValue
        throw errno == ELOOP ? .irregularFile(path: path) : .system("open", path)
    }

    private static func regularByteCount(
        _ descriptor: Int32,
        _ path: String,
        limit: Int
    ) throws(AdapterExchangeError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system("examine", path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .irregularFile(path: path) }
        let byteCount = Int(status.st_size)
        guard byteCount <= limit else { throw .fileTooLarge(path: path, bytes: byteCount, limit: limit) }
        return byteCount
    }

    deinit { close(descriptor) }

    /// The next bytes, at most `count` of them; none at the end. Blocks.
    package func read(upTo count: Int) throws(AdapterExchangeError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while true {
                let status = systemRead(descriptor, buffer.baseAddress, count)
                if status < 0, errno == EINTR { continue }
                failure = status < 0 ? errno : 0
                filled = max(0, status)
                return
            }
        }
        guard failure == 0 else { throw .system("read", path, code: failure) }
        return bytes
    }
}

// The system's functions, which methods of the same names hide.
private func systemOpen(_ path: String, _ flags: Int32) -> Int32 { open(path, flags) }

private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}

extension AdapterExchangeError {
    /// A failed system call, with the reason of an error number.
    static func system(_ operation: String, _ path: String, code: Int32 = errno) -> AdapterExchangeError {
        .system(operation: operation, path: path, reason: String(cString: strerror(code)))
    }
}
