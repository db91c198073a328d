import ArgumentParser
import Foundation
import JSON
import Testing

@testable import Bench

struct ReportCommandTests {
    @Test(arguments: ["engine", "kernels", "layer", "decode", "load", "mixed", "textgen", "soak"])
    func `every benchmark takes the page's file`(bench: String) throws {
        _ = try BenchCommand.parseAsRoot([bench, "--report", "page.html"])
    }

    @Test func `a run's records are on its page`() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let path = directory.path("page.html")
        let output = BenchOutput(try ReportOptions.parse(["--report", path]))
        var records: [JSONObject] = []
        for batch in [1, 8] {
            var line = BenchRecord(bench: "decode", backend: "cpu")
            line["model"] = "llama-1.1b"
            line["batch"] = .integer(batch)
            line["popularity"] = "distinct"
            line.add([2, 3, 4], unit: "ms", floor: 1)
            output.print(line)
            records.append(line.fields)
        }
        #expect(!FileManager.default.fileExists(atPath: path))
        try output.finish()
        let page = try String(contentsOfFile: path, encoding: .utf8)
        #expect(page == BenchReport(records).html)
        #expect(Markup(page).lines(dashed: false).map(\.count) == [2])
    }

    @Test func `without the option there is no page`() throws {
        let output = BenchOutput(try ReportOptions.parse([]))
        try output.finish()
    }

    @Test func `a page that cannot be written is an error that names it`() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let path = directory.path("absent/page.html")
        let output = BenchOutput(try ReportOptions.parse(["--report", path]))
        let error = #expect(throws: BenchError.self) { try output.finish() }
        #expect(error?.description.contains(path) == true)
    }

    @Test func `records on disk are drawn together`() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let files = ["h200/decode.jsonl", "h200/soak.jsonl"]
        let output = directory.path("page.html")
        try ReportCommand.parse(files.map(RecordFiles.path) + ["--output", output]).run()
        let page = try String(contentsOfFile: output, encoding: .utf8)
        #expect(page == BenchReport(try files.flatMap { try RecordFiles.read($0) }).html)
        for fact in ["decode, soak", "NVIDIA H200", "llama-2-7b", "commit ed7d61e", "2026-11-29"] {
            #expect(page.contains(fact), "\(fact)")
        }
    }

    @Test func `what is no record is an error that names file and line`() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        for (text, line) in [("{\"bench\":\"decode\"}\n\n{\"bench\":\n", 3), ("[1]", 1), ("{} {}", 1)] {
            let file = try directory.write(text, to: "records.jsonl")
            let error = #expect(throws: BenchError.self) { try BenchReport.records(of: file) }
            #expect(error?.description.hasPrefix("\(file), line \(line): ") == true)
        }
        let absent = directory.path("absent.jsonl")
        let error = #expect(throws: BenchError.self) { try BenchReport.records(of: absent) }
        #expect(error?.description == "\(absent) cannot be read")
        let empty = try directory.write("\n \r\n", to: "empty.jsonl")
        let page = directory.path("page.html")
        #expect(throws: BenchError.self) { try ReportCommand.parse([empty, "--output", page]).run() }
        #expect(!FileManager.default.fileExists(atPath: page))
    }
}
