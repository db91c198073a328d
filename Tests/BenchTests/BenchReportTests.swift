import Foundation
import JSON
import Testing

@testable import Bench

struct BenchReportTests {
    @Test(arguments: RecordFiles.all)
    func `every committed record is drawn on a page that needs nothing else`(file: String) throws {
        let records = try RecordFiles.read(file)
        let page = BenchReport(records).html
        let markup = Markup(page)
        #expect(markup.faults == [])
        for asset in ["http:", "https:", "src=", "url(", "@import", "<script"] { #expect(!page.contains(asset)) }
        #expect(page.contains("name=\"viewport\""))
        // A row for each record, and heads for each kind.
        let kinds = Set(records.map { $0["bench"] })
        #expect(markup.named("tr").count == records.count + kinds.count)
        checkFrame(markup)
    }

    @Test func `there are records to draw`() {
        for name in ["h200/decode.jsonl", "h200/operators.jsonl", "cpu/engine.jsonl", "h100/textgen.jsonl"] {
            #expect(RecordFiles.all.contains(name))
        }
    }

    @Test(arguments: [
        "h100/decode.jsonl", "h200/decode.jsonl", "h200/variants.jsonl", "h200/layer.jsonl", "h200/operators.jsonl",
    ])
    func `a line has a point for each batch, and so has its floor`(file: String) throws {
        let settings = [
            "bench", "gpu", "commit", "configuration", "lease", "model", "kernel", "context", "rank", "tensor_parallel",
            "popularity",
        ]
        var batches: [[JSONValue?]: Set<Int>] = [:]
        for record in try RecordFiles.read(file) {
            let batch = try #require(record["batch"]?.int)
            let line = settings.map { record[$0] }
            batches[line, default: []].insert(batch)
        }
        let expected = batches.values.map(\.count).sorted()
        let markup = Markup(BenchReport(try RecordFiles.read(file)).html)
        #expect(markup.lines(dashed: true).map(\.count).sorted() == expected)
        // Kernels have a second chart, of their share of the bandwidth.
        let charts = file == "h200/operators.jsonl" ? 2 : 1
        let all = expected.flatMap { Array(repeating: $0, count: charts) }
        #expect(markup.lines(dashed: false).map(\.count).sorted() == all)
    }

    @Test(arguments: [
        "h200/load.jsonl", "h200/mixed.jsonl", "h200/soak.jsonl", "h200/textgen.jsonl", "cpu/engine.jsonl",
    ])
    func `other kinds have bars`(file: String) throws {
        let markup = Markup(BenchReport(try RecordFiles.read(file)).html)
        #expect(markup.bars.count >= 2)
    }

    @Test func `what was measured more than once is drawn by its middle`() throws {
        let records = try [(1, 10.0), (1, 40.0), (1, 20.0), (2, 40.0)].map { batch, median in
            try record("{\"bench\":\"decode\",\"batch\":\(batch),\"popularity\":\"base\",\"median\":\(median)}")
        }
        let line = try #require(Markup(BenchReport(records).html).lines(dashed: false).first)
        #expect(line.map(\.x) == [195, 352])
        #expect(line.map(\.y) == [79, 8])
    }

    @Test func `unknown kinds have the table only`() throws {
        let records = try ["one", "two"].map { try record("{\"bench\":\"unknown \($0)\",\"median\":1}") }
        let markup = Markup(BenchReport(records).html)
        #expect(markup.named("svg").isEmpty && markup.named("table").count == 2)
    }

    @Test func `missing numbers are left out`() throws {
        let none = try record(#"{"bench":"textgen","batch":32,"popularity":"base","median":null}"#)
        var summary = BenchRecord(bench: "engine-summary", backend: "cpu")
        summary["distinct_over_serial"] = .number(.nan)
        let decode = try record(#"{"bench":"decode","batch":"many","median":1e300,"floor":"low"}"#)
        let page = BenchReport([none, summary.fields, decode]).html
        #expect(Markup(page).faults == [])
        #expect(!page.contains("<svg") && !page.contains("<td>nan</td>") && !page.contains("<td>inf</td>"))
    }

    @Test(arguments: ["decode", "kernels", "textgen", "load", "mixed", "engine", "soak", "layer", "else"])
    func `hostile texts are escaped`(bench: String) throws {
        let hostile = #""><script>alert('&')</script><i x=""#
        var records = try ["median", "tokens_per_second"].map { try record("{\"batch\":8,\"\($0)\":1.5}") }
        for number in records.indices {
            records[number]["bench"] = .string(bench)
            let keys = ["gpu", "model", "commit", "date", "popularity", "measured", "kernel", "unit", "round", hostile]
            for key in keys {
                records[number][key] = .string(hostile + "\(number)")
            }
        }
        let page = BenchReport(records).html
        let markup = Markup(page)
        #expect(markup.faults == [])
        #expect(markup.named("script").isEmpty && markup.named("i").allSatisfy { $0.attributes["x"] == nil })
        #expect(page.contains("&lt;script&gt;alert('&amp;')"))
        for number in records.indices { records[number]["bench"] = .string(hostile) }
        #expect(Markup(BenchReport(records).html).faults == [])
    }

    private func checkFrame(_ markup: Markup) {
        for line in markup.lines(dashed: true) + markup.lines(dashed: false) {
            #expect(line.allSatisfy { (38.0...352).contains($0.x) && (8.0...150).contains($0.y) })
            #expect(zip(line, line.dropFirst()).allSatisfy { $0.x < $1.x })
        }
        #expect(markup.bars.allSatisfy { $0.x == 8 && $0.width >= 0 && $0.x + $0.width <= 352.05 })
    }

    private func record(_ text: String) throws -> JSONObject {
        try #require(try JSONValue(parsing: text).object)
    }
}
