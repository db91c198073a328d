package import Core

/// An open safetensors file: named tensors over mapped or copied memory.
///
/// See `SafetensorsHeader` for the format.
package struct SafetensorsFile: Sendable {
    /// The path, or the name given for messages.
    package let path: String
    private let header: SafetensorsHeader
    private let content: Content

    /// The file's bytes and whoever keeps them.
    private struct Content: @unchecked Sendable {
        // Safe because the bytes are never written and `owner` keeps them where they are.
        let bytes: UnsafeRawBufferPointer
        let owner: any AnyObject & Sendable
    }

    /// Maps the file; it must not be truncated while tensors of it live.
    package init(path: String) throws(WeightsError) {
        let file = try MappedFile(path: path)
        try self.init(bytes: file.bytes, owner: file, path: path)
    }

    /// Reads the file into memory of its own.
    ///
    /// - Parameter limit: the most bytes that are read; a longer file is refused before any memory is taken.
    package init(reading path: String, limit: Int) throws(WeightsError) {
        let file = try FileBytes(path: path, limit: limit)
        try self.init(bytes: file.bytes, owner: file.memory, path: path)
    }

    /// - Parameters:
    ///   - bytes: the whole file, immutable and alive as long as `owner`.
    ///   - path: its name for messages.
    package init(
        bytes: UnsafeRawBufferPointer,
        owner: any AnyObject & Sendable,
        path: String
    ) throws(WeightsError) {
        header = try SafetensorsHeader(parsing: bytes, file: path)
        content = Content(bytes: bytes, owner: owner)
        self.path = path
    }

    /// The tensors' names, sorted.
    package var names: [String] { header.entries.keys.sorted() }

    package func contains(_ name: String) -> Bool { header.entries[name] != nil }

    /// The shape of a tensor, of whatever type; nil for an unknown name.
    package func shape(of name: String) -> [Int]? { header.entries[name]?.shape }

    /// The tensor of a name, nil for an unknown one.
    ///
    /// A tensor that is not float32, float16 or bfloat16 is refused.
    package func tensor(named name: String) throws(WeightsError) -> HostTensor? {
        guard let entry = header.entries[name] else { return nil }
        let type = try scalarType(entry.dtype, name: name)
        let begin = header.dataStart + entry.range.lowerBound
        let bytes = UnsafeRawBufferPointer(rebasing: content.bytes[begin..<begin + entry.range.count])
        // Headers that are not padded to eight bytes leave the data where typed loads would be misaligned.
        guard Int(bitPattern: bytes.baseAddress) % type.byteCount == 0 else {
            let memory = HostMemory(byteCount: bytes.count)
            memory.bytes.copyMemory(from: bytes)
            return memory.tensor(type: type, shape: entry.shape)
        }
        return HostTensor(type: type, shape: entry.shape, bytes: bytes, owner: content.owner)
    }

    private func scalarType(_ dtype: String, name: String) throws(WeightsError) -> ScalarType {
        switch dtype {
        case "F32": return .float32
        case "F16": return .float16
        case "BF16": return .bfloat16
        default:
            throw .unsupported(file: path, key: "\(name).dtype", value: dtype, supported: "F32, F16, BF16")
        }
    }
}
