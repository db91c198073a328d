internal import Foundation
internal import JSON

/// One line of a benchmark's output.
struct BenchRecord {
    private var fields = JSONObject()

    init(bench: String, backend: String) {
        fields["bench"] = .string(bench)
        fields["backend"] = .string(backend)
        fields["date"] = .string(Date.now.ISO8601Format())
        fields["commit"] = .string(ProcessInfo.processInfo.environment["PUNICA_COMMIT"] ?? "unknown")
    }

    subscript(key: String) -> JSONValue? {
        get { fields[key] }
        set { fields[key] = newValue }
    }

    /// Writes the record as one line of JSON to standard output.
    func print() {
        FileHandle.standardOutput.write(Data((JSONValue.object(fields).encoded() + "\n").utf8))
    }
}
