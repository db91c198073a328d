#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Keeps other processes out of a directory for as long as this value, or the process, lives.
final class DirectoryLock: Sendable {
    private let descriptor: Int32

    init(_ directory: String) throws(AdapterExchangeError) {
        let path = directory + "/.lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .system("create", path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            defer { close(descriptor) }
            throw errno == EWOULDBLOCK ? .cacheInUse(path: directory) : .system("lock", path)
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }
}
