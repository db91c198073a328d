#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A file mapped read-only into memory for as long as this object lives.
///
/// The file must not be truncated meanwhile: the kernel answers a read past the new end with SIGBUS. Model directories
/// are therefore treated as immutable; adapters, which are replaced under a running server, are read with `FileBytes`.
package final class MappedFile: @unchecked Sendable {
    // Safe because the mapping is read-only, private, and ends only with the object.
    package let bytes: UnsafeRawBufferPointer
    package let path: String

    package init(path: String) throws(WeightsError) {
        let file = try OpenFile(path: path)
        self.path = path
        guard file.byteCount > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        let address = mmap(nil, file.byteCount, PROT_READ, MAP_PRIVATE, file.descriptor, 0)
        guard let address, address != MAP_FAILED else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            throw .unreadable(path: path, reason: lastSystemError())
        }
        bytes = UnsafeRawBufferPointer(start: address, count: file.byteCount)
    }

    deinit {
        if let address = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: address), bytes.count) }
    }
}
