import JSON

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The content of `model.safetensors.index.json`: `{"metadata": {...}, "weight_map": {"tensor": "file", ...}}`.
struct ShardIndex {
    /// Tensor name to file name.
    let weightMap: [(tensor: String, file: String)]
    /// Sorted, each once.
    let fileNames: [String]

    /// Bytes of the longest index accepted; the largest published ones have a few million.
    static let maxBytes = 64 << 20

    init(path: String) throws(WeightsError) {
        let text = try FileBytes.array(path: path, limit: Self.maxBytes)
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: text, limits: JSONLimits(maxDepth: 16, maxBytes: Self.maxBytes))
        } catch {
            throw .malformed(file: path, key: "JSON", reason: error.description)
        }
        guard let map = value["weight_map"]?.object else {
            throw .malformed(file: path, key: "weight_map", reason: "an object is required")
        }
        var weightMap: [(tensor: String, file: String)] = []
        for (tensor, file) in map {
            guard let name = file.string, Self.isPlainFileName(name) else {
                let reason = "\(file.encoded()) is not the plain name of a file beside the index"
                throw .malformed(file: path, key: "weight_map.\(tensor)", reason: reason)
            }
            weightMap.append((tensor, name))
        }
        self.weightMap = weightMap
        fileNames = Set(weightMap.map(\.file)).sorted()
    }

    /// Whether a name stays in its directory: no separators, no parent, nothing hidden.
    private static func isPlainFileName(_ name: String) -> Bool {
        name.hasSuffix(".safetensors") && !name.hasPrefix(".") && !name.utf8.contains(UInt8(ascii: "/"))
            && !name.utf8.contains(0)
    }
}

/// Whether a file is there to be opened.
func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }
