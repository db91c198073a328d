import Foundation
import Testing

@testable import Simulation

@Suite struct Traces {
    private func trace(_ text: String) throws -> Trace {
        let file = FileManager.default.temporaryDirectory.appending(path: "trace-\(UUID()).jsonl")
        try Data(text.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try Trace(file: file.path)
    }

    @Test func `a trace is read line by line and put in order of arrival`() throws {
        let trace = try trace(
            """
            {"arrival": 2.5, "adapter": "a", "prompt_tokens": 10, "output_tokens": 2000}

            {"arrival": 1, "adapter": "b", "prompt_tokens": 11, "output_tokens": 5, "max_tokens": 9, "rank": 64}
            {"arrival": 3, "adapter": "a", "prompt_tokens": 12, "output_tokens": 6}
            {"arrival": 4, "adapter": null, "prompt_tokens": 1, "output_tokens": 1}
            """
        )
        #expect(trace.requests.map(\.arrival) == [1_000_000_000, 2_500_000_000, 3_000_000_000, 4_000_000_000])
        #expect(trace.requests.map(\.adapter) == [1, 0, 0, nil])
        #expect(trace.requests.map(\.maxTokens) == [9, 2000, 1024, 1024])
        #expect(trace.adapters.map(\.rank) == [16, 64])
        #expect(trace.splitByAdapter().map(\.requests.count) == [1, 2, 1])
    }

    @Test(arguments: [
        (#"{"arrival": -1, "adapter": "a", "prompt_tokens": 10, "output_tokens": 20}"#, "arrival"),
        (#"{"arrival": 1, "adapter": 7, "prompt_tokens": 10, "output_tokens": 20}"#, "adapter"),
        (#"{"arrival": 1, "adapter": "a", "prompt_tokens": 0, "output_tokens": 20}"#, "prompt_tokens"),
        (#"{"arrival": 1, "adapter": "a", "prompt_tokens": 10}"#, "output_tokens"),
        (#"{"arrival": 1, "adapter": "a", "prompt_tokens": 10, "output_tokens": 2, "rank": 513}"#, "rank"),
        (#"{"arrival": 1, "#, "line 1"), ("", "empty"),
    ])
    func `a malformed line is an error that names it`(line: String, name: String) {
        #expect { try trace(line) } throws: { "\($0)".contains(name) }
    }

    @Test func `the paper's workload has its lengths, its popularity and its ramp`() {
        let trace = PaperWorkload(requests: 100_000, duration: 1000).trace()
        let output = trace.requests.reduce(0) { $0 + Int($1.outputTokens) }
        #expect(abs(Double(output) / 100_000 - 101) < 4)
        let counts = trace.requests.reduce(into: [:]) { $0[$1.adapter ?? -1, default: 0] += 1 }
        for adapter in 0..<5 as Range<Int32> {
            let ratio = Double(counts[adapter] ?? 0) / Double(counts[adapter + 1] ?? 1)
            #expect(abs(ratio - 1.5) < 0.1)
        }
        let middle = trace.requests.count { (400_000_000_000..<600_000_000_000).contains($0.arrival) }
        // A fifth of the time around the peak has 36 % of a triangle.
        #expect(abs(Double(middle) / 100_000 - 0.36) < 0.01)
        #expect(zip(trace.requests, trace.requests.dropFirst()).allSatisfy { $0.arrival <= $1.arrival })
    }

    @Test(arguments: [(WorkloadPopularity.distinct, 400), (.uniform, 20), (.identical, 1)])
    func `popularities have their numbers of adapters`(popularity: WorkloadPopularity, count: Int) {
        let trace = PaperWorkload(requests: 400, duration: 10, popularity: popularity).trace()
        #expect(trace.adapters.count == count)
        #expect(Set(trace.requests.map(\.adapter)).count <= count)
    }
}
