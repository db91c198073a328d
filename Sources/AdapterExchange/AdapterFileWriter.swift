import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One file of an adapter's directory, made anew and written from its start to its end.
///
/// Methods may be called from any thread, by one caller at a time.
package final class AdapterFileWriter: Sendable {
    private let descriptor: Int32
    private let path: String
    private let limit: Int
    private let written = Atomic<Int>(0)

    /// - Parameter limit: the most bytes that the file may come to have.
    package init(directory: String, file: AdapterFile, limit: Int) throws(AdapterExchangeError) {
        path = directory + "/" + file.rawValue
        self.limit = limit
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .system("create", path) }
    }

    deinit { close(descriptor) }

    package var byteCount: Int { written.load(ordering: .relaxed) }

    /// Appends; blocks.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(AdapterExchangeError) {
        let total = byteCount + bytes.count
        guard total <= limit else { throw .fileTooLarge(path: path, bytes: total, limit: limit) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: rest))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system("write", path) }
            rest = rest.dropFirst(count)
        }
        written.store(total, ordering: .relaxed)
    }

    /// Waits until the bytes would outlast a power cut.
    package func finish() throws(AdapterExchangeError) {
        guard fsync(descriptor) == 0 else { throw .system("write out", path) }
    }
}

/// The system's `write`, which the method of that name hides.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}
