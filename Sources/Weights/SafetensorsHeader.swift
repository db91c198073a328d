import JSON

/// The checked header of a safetensors file.
///
///     8 bytes            length N of the header, unsigned, little-endian
///     N bytes            JSON: {"name": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [begin, end]}, ...,
///                               "__metadata__": {"key": "value"}}
///     the rest           the tensors' bytes, little-endian, row-major; offsets count from here
///
/// Refused: a header longer than the file or 100 MB, duplicate keys, numbers that are not whole or overflow,
/// `begin > end`, offsets outside the file, overlapping tensors, gaps between them or after them, and sizes that are
/// not the product of shape and scalar size.
struct SafetensorsHeader: Sendable {
    /// The longest header accepted; the format's own reference reader has the same bound.
    static let maxHeaderBytes = 100_000_000
    /// The most dimensions of one tensor.
    static let maxDimensions = 16

    struct Entry: Sendable, Equatable {
        let dtype: String
        let shape: [Int]
        /// Within the data, which starts at `dataStart`.
        let range: Range<Int>
    }

    let entries: [String: Entry]
    /// Where the tensors' bytes begin in the file.
    let dataStart: Int

    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - file: its name for messages.
    init(parsing bytes: UnsafeRawBufferPointer, file: String) throws(WeightsError) {
        let length = try Self.headerLength(bytes, file: file)
        dataStart = 8 + length
        let text = UnsafeRawBufferPointer(rebasing: bytes[8..<dataStart])
        let members = try Self.members(text, file: file)
        var reader = EntryReader(file: file, dataCount: bytes.count - dataStart)
        for (key, value) in members { try reader.read(key: key, value: value) }
        try reader.checkTiling()
        entries = reader.entries
    }

    private static func headerLength(_ bytes: UnsafeRawBufferPointer, file: String) throws(WeightsError) -> Int {
        guard bytes.count >= 8 else {
            throw .outOfBounds(file: file, key: "file size", value: "\(bytes.count) bytes", bound: "at least 8 bytes")
        }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        let bound = min(maxHeaderBytes, bytes.count - 8)
        guard length >= 2, length <= UInt64(bound) else {
            throw .outOfBounds(file: file, key: "header length", value: "\(length)", bound: "2 ... \(bound)")
        }
        return Int(length)
    }

    private static func members(_ text: UnsafeRawBufferPointer, file: String) throws(WeightsError) -> JSONObject {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: text, limits: JSONLimits(maxDepth: 4, maxBytes: maxHeaderBytes))
        } catch {
            throw .malformed(file: file, key: "header", reason: error.description)
        }
        guard let members = value.object else {
            throw .malformed(file: file, key: "header", reason: "it is a JSON \(value.kind), not an object")
        }
        return members
    }
}
