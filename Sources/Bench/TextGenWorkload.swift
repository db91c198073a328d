internal import Core
internal import Foundation
internal import JSON

/// Requests queued at once: lengths, and the adapter of each by popularity.
struct TextGenWorkload: Sendable {
    struct Request: Sendable {
        let promptTokens: Int
        let outputTokens: Int
    }

    let name: String
    let requests: [Request]
    /// By the popularity's name: the number of each request's adapter.
    let adapters: [String: [Int]]

    /// Reads `{"prompt": [...], "out": [...], "which": {popularity: [...]}}`.
    init(file: String) throws {
        let data = try Data(contentsOf: URL(filePath: file))
        let value = try JSONValue(parsing: Array(data))
        func integers(_ value: JSONValue?, _ field: String) throws -> [Int] {
            guard let numbers = value?.array?.compactMap(\.int), numbers.count == value?.array?.count else {
                throw BenchError.workload(file: file, reason: "'\(field)' is no list of integers")
            }
            return numbers
        }
        let prompts = try integers(value["prompt"], "prompt")
        let outputs = try integers(value["out"], "out")
        guard prompts.count == outputs.count, (prompts + outputs).allSatisfy({ $0 >= 1 }) else {
            throw BenchError.workload(file: file, reason: "'prompt' and 'out' differ in length or hold less than 1")
        }
        var adapters: [String: [Int]] = [:]
        let which = value["which"]?.object ?? JSONObject()
        for popularity in which.keys {
            adapters[popularity] = try integers(which[popularity], "which.\(popularity)")
            guard adapters[popularity]?.count == prompts.count else {
                throw BenchError.workload(file: file, reason: "'which.\(popularity)' has not one entry a request")
            }
        }
        name = URL(filePath: file).deletingPathExtension().lastPathComponent
        requests = zip(prompts, outputs).map { Request(promptTokens: $0, outputTokens: $1) }
        self.adapters = adapters
    }

    /// The paper's text generation (Punica section 7.2): `count` requests, about 101 tokens each, whose lengths are
    /// drawn as ShareGPT's are spread (bell-shaped logarithms), and its four popularities.
    init(paperRequests count: Int, seed: UInt64) {
        var random = UniformNumbers(state: seed)
        name = "textgen-\(count)"
        requests = (0..<count).map { _ in
            let prompt = exp(3.2 + 0.9 * random.bell())
            let output = exp(3.9 + 0.7 * random.bell())
            return Request(promptTokens: min(max(Int(prompt), 1), 1024), outputTokens: min(max(Int(output), 1), 1024))
        }
        let groups = Int(Double(count).squareRoot().rounded(.up))
        adapters = [
            "distinct": Array(0..<count),
            "identical": Array(repeating: 0, count: count),
            "uniform": (0..<count).map { $0 % groups },
            "skewed": (0..<count).map { _ in random.skewed(limit: count) },
        ]
    }
}

extension TextGenWorkload {
    /// When each request comes, in seconds, the same at each call: so many a second on average, none knowing of others.
    func arrivals(rate: Double) -> [Double] {
        var random = UniformNumbers(state: 1)
        var time = 0.0
        return requests.map { _ in
            time -= log(1 - random.next()) / rate
            return time
        }
    }
}

/// SplitMix64 as numbers between 0 and 1, and what is made of them.
private struct UniformNumbers {
    var state: UInt64

    mutating func next() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return Double((bits ^ (bits >> 31)) >> 11) / Double(1 << 53)
    }

    /// Normal, by Box and Muller.
    mutating func bell() -> Double {
        (-2 * log(1 - next())).squareRoot() * cos(2 * .pi * next())
    }

    /// Adapter `k` with a share of `1.5^-k`: what the paper calls Zipf-1.5.
    mutating func skewed(limit: Int) -> Int {
        min(Int(log(1 - next()) / log(1 / 1.5)), limit - 1)
    }
}
