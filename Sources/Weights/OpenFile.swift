#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A regular file opened for reading; closed when the value goes away.
struct OpenFile: ~Copyable {
    let descriptor: Int32
    let path: String
    /// Bytes at the time of opening.
    let byteCount: Int

    init(path: String) throws(WeightsError) {
        // Without O_NONBLOCK the opening of a named pipe would wait for a writer for ever.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(path: path, reason: lastSystemError()) }
        do throws(WeightsError) {
            byteCount = try Self.regularFileSize(descriptor, path: path)
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        self.path = path
    }

    private static func regularFileSize(_ descriptor: Int32, path: String) throws(WeightsError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(path: path, reason: lastSystemError()) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(path: path, reason: "not a regular file")
        }
        return Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// Fills `target` from the file's start.
    func read(into target: UnsafeMutableRawBufferPointer) throws(WeightsError) {
        var offset = 0
        while offset < target.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: target[offset...])
            let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .unreadable(path: path, reason: lastSystemError()) }
            guard count > 0 else {
                throw .unreadable(path: path, reason: "ended at byte \(offset) of \(target.count) while being read")
            }
            offset += count
        }
    }
}

/// The text of `errno`.
func lastSystemError() -> String { String(cString: strerror(errno)) }
