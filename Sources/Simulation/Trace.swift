internal import Core
internal import Foundation
internal import JSON

/// One request of a workload.
struct TraceRequest: Sendable, Equatable {
    /// Nanoseconds since the trace began.
    var arrival: Int
    /// Which adapter, `0 ..< Trace.adapters.count`; nil for the base.
    var adapter: Int32?
    var promptTokens: Int32
    var outputTokens: Int32
    /// The client's bound: all that the scheduler knows of the output's length.
    var maxTokens: Int32
}

/// Requests in order of arrival.
struct Trace: Sendable, Equatable {
    struct Adapter: Sendable, Equatable {
        var digest: AdapterDigest
        var rank: Int

        /// A made-up adapter.
        init(number: Int, rank: Int) {
            var bytes: [UInt8] = Array(repeating: 0, count: 24)
            withUnsafeBytes(of: UInt64(number).bigEndian) { bytes.insert(contentsOf: $0, at: 0) }
            digest = AdapterDigest(bytes: bytes)
            self.rank = rank
        }
    }

    /// What the report calls it.
    var name: String
    var requests: [TraceRequest]
    var adapters: [Adapter]

    /// When the last request arrives, in nanoseconds.
    var length: Int { requests.last?.arrival ?? 0 }

    /// The requests of each adapter as traces of their own, those of the base together as one more.
    func splitByAdapter() -> [Trace] {
        var parts: [Int32: [TraceRequest]] = [:]
        for request in requests { parts[request.adapter ?? -1, default: []].append(request) }
        return parts.sorted { $0.key < $1.key }.map { Trace(name: name, requests: $0.value, adapters: adapters) }
    }
}

/// A trace as a file: one JSON object a line, in any order,
/// `{"arrival": seconds, "adapter": name or null, "prompt_tokens": n, "output_tokens": n}` and, if known,
/// `"max_tokens"` (default: the output's length or 1024, whichever is more) and `"rank"` of the adapter (default 16).
extension Trace {
    init(file: String) throws(SimulationError) {
        guard let data = FileManager.default.contents(atPath: file) else { throw .unreadable(file: file) }
        var reader = TraceReader(file: file)
        for (number, line) in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
        where !line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }) {
            try reader.read(Array(line), number: number + 1)
        }
        guard !reader.requests.isEmpty else { throw .malformed(file: file, line: 1, reason: "the trace is empty") }
        name = URL(filePath: file).lastPathComponent
        requests = reader.requests.sorted { $0.arrival < $1.arrival }
        adapters = reader.adapters
    }
}

/// Reads a trace's lines.
private struct TraceReader {
    let file: String
    var requests: [TraceRequest] = []
    var adapters: [Trace.Adapter] = []
    private var numbers: [String: Int32] = [:]

    init(file: String) { self.file = file }

    mutating func read(_ bytes: [UInt8], number: Int) throws(SimulationError) {
        let line: JSONValue
        do {
            line = try JSONValue(parsing: bytes)
        } catch {
            throw .malformed(file: file, line: number, reason: "\(error)")
        }
        guard let arrival = line["arrival"]?.double, (0...1e9).contains(arrival) else {
            throw .malformed(file: file, line: number, reason: "'arrival' must be seconds, 0 ... 1000000000")
        }
        let output = try tokens(line, "output_tokens", number)
        requests.append(
            TraceRequest(
                arrival: Int(arrival * 1e9),
                adapter: try adapter(line, number),
                promptTokens: try tokens(line, "prompt_tokens", number),
                outputTokens: output,
                maxTokens: line["max_tokens"] == nil ? max(output, 1024) : try tokens(line, "max_tokens", number)
            )
        )
    }

    private func tokens(_ line: JSONValue, _ field: String, _ number: Int) throws(SimulationError) -> Int32 {
        guard let value = line[field]?.int, (1...1_000_000).contains(value) else {
            throw .malformed(file: file, line: number, reason: "'\(field)' must be 1 ... 1000000")
        }
        return Int32(value)
    }

    private mutating func adapter(_ line: JSONValue, _ number: Int) throws(SimulationError) -> Int32? {
        let value = line["adapter"] ?? .null
        if value.isNull { return nil }
        guard let name = value.string else {
            throw .malformed(file: file, line: number, reason: "'adapter' must be a name or null, not \(value.kind)")
        }
        if let known = numbers[name] { return known }
        let rank = line["rank"] == nil ? 16 : line["rank"]?.int ?? 0
        guard (1...512).contains(rank) else {
            throw .malformed(file: file, line: number, reason: "'rank' must be 1 ... 512")
        }
        let new = Int32(adapters.count)
        numbers[name] = new
        adapters.append(Trace.Adapter(number: adapters.count, rank: rank))
        return new
    }
}
