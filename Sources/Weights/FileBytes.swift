package import Core

/// A file's content read into memory of its own, so that the file may change or vanish afterwards.
package struct FileBytes: Sendable {
    package let memory: HostMemory
    package let byteCount: Int

    /// - Parameter limit: the most bytes accepted; checked before any memory is taken.
    package init(path: String, limit: Int) throws(WeightsError) {
        let file = try OpenFile(path: path)
        guard file.byteCount <= limit else {
            throw .outOfBounds(
                file: path,
                key: "file size",
                value: "\(file.byteCount) bytes",
                bound: "at most \(limit) bytes"
            )
        }
        byteCount = file.byteCount
        memory = HostMemory(byteCount: file.byteCount)
        try file.read(into: UnsafeMutableRawBufferPointer(rebasing: memory.bytes[..<file.byteCount]))
    }

    /// The content; valid while `memory` lives.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory.bytes[..<byteCount]) }

    /// The content of a small file, a configuration say.
    package static func array(path: String, limit: Int) throws(WeightsError) -> [UInt8] {
        let file = try FileBytes(path: path, limit: limit)
        return [UInt8](file.bytes)
    }
}
