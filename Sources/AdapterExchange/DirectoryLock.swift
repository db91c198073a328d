#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Keeps other processes out of a directory for as long as this value, or the process, lives.
final class DirectoryLock: Sendable {
    private let descriptor: Int32

    /// How often, and every so many microseconds, a lock is asked for that another process has: it may be just ending.
    private static var attempts: Int { 20 }
    private static var pause: UInt32 { 50_000 }

    init(_ directory: String) throws(AdapterExchangeError) {
        let path = directory + "/.lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .system("create", path) }
        var attempt = 1
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK, attempt < Self.attempts else {
                defer { close(descriptor) }
                throw errno == EWOULDBLOCK ? .cacheInUse(path: directory) : .system("lock", path)
            }
            attempt += 1
            usleep(Self.pause)
        }
        self.descriptor = descriptor
    }

    deinit {
        // A child between fork and exec has the descriptor too; closing this one alone would leave the lock to it.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
