package import Core
import JSON

/// Writes tensors in the safetensors format, of which `SafetensorsHeader` tells.
package enum SafetensorsWriter {
    /// The bytes of a file with the given tensors in the given order; names must differ.
    package static func encode(
        _ tensors: [(name: String, tensor: HostTensor)],
        metadata: [String: String] = [:]
    ) -> [UInt8] {
        var members = JSONObject()
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) }
            _ = members.insert("__metadata__", .object(JSONObject(pairs)))
        }
        var end = 0
        for (name, tensor) in tensors {
            let begin = end
            end += tensor.bytes.count
            let isNew = members.insert(
                name,
                [
                    "dtype": .string(dtype(tensor.type)),
                    "shape": .array(tensor.shape.map { .integer($0) }),
                    "data_offsets": [.integer(begin), .integer(end)],
                ]
            )
            precondition(isNew, "two tensors are named '\(name)'")
        }
        var header = JSONValue.object(members).encodedBytes()
        // Padding with spaces keeps the data aligned for typed loads from a mapping.
        header += Array(repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
        var file = withUnsafeBytes(of: UInt64(header.count).littleEndian) { [UInt8]($0) } + header
        file.reserveCapacity(file.count + end)
        for (_, tensor) in tensors { file.append(contentsOf: tensor.bytes) }
        return file
    }

    private static func dtype(_ type: ScalarType) -> String {
        switch type {
        case .float32: "F32"
        case .float16: "F16"
        case .bfloat16: "BF16"
        }
    }
}
