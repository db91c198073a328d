#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// All bytes of a file; nil when it cannot be read.
func readFile(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let end = lseek(descriptor, 0, SEEK_END)
    guard end >= 0, lseek(descriptor, 0, SEEK_SET) == 0 else { return nil }
    let bytes = [UInt8](unsafeUninitializedCapacity: Int(end)) { buffer, count in
        while count < buffer.count {
            let more = read(descriptor, buffer.baseAddress?.advanced(by: count), buffer.count - count)
            if more < 0 && errno == EINTR { continue }
            if more <= 0 { break }
            count += more
        }
    }
    return bytes.count == end ? bytes : nil
}

/// Writes a file beside `path` and renames it, so that a reader sees the old file or the new one.
///
/// Folders that are missing are made, for this user alone.
///
/// - Returns: false when that failed; then `path` is as it was.
func replaceFile(_ path: String, with bytes: [UInt8]) -> Bool {
    makeFolders(of: path)
    var template = Array("\(path).XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { return false }
    let isWritten = writeAll(bytes, to: descriptor)
    guard close(descriptor) == 0, isWritten, rename(template, path) == 0 else {
        unlink(template)
        return false
    }
    return true
}

private func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    bytes.withUnsafeBytes { buffer in
        var done = 0
        while done < buffer.count {
            let more = write(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done)
            if more < 0 && errno == EINTR { continue }
            if more <= 0 { return false }
            done += more
        }
        return true
    }
}

private func makeFolders(of path: String) {
    for slash in path.indices.dropFirst() where path[slash] == "/" { mkdir(String(path[..<slash]), 0o700) }
}
