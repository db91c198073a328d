import ArgumentParser
import Foundation
import JSON
import Testing

@testable import Bench

struct FigureCommandTests {
    private func record(_ fields: [(String, JSONValue)]) -> ReportRecord {
        var object = JSONObject()
        for (key, value) in fields { object[key] = value }
        return ReportRecord(fields: object)
    }

    @Test func `a condition takes any of its values, and an empty one a missing field`() throws {
        let ours = record([("gpu", "H200"), ("batch", .integer(8))])
        let theirs = record([("gpu", "H100"), ("system", "another")])
        func takes(_ text: String) throws -> [Bool] {
            let choice = try #require(RecordChoice(argument: text))
            return [choice.takes(ours), choice.takes(theirs)]
        }
        #expect(try takes("gpu=H200") == [true, false])
        #expect(try takes("gpu=H100,H200") == [true, true])
        #expect(try takes("batch=8") == [true, false])
        #expect(try takes("system=") == [true, false])
        #expect(try takes("system=,another") == [true, true])
        #expect(RecordChoice(argument: "gpu") == nil)
        #expect(RecordChoice(argument: "=H200") == nil)
    }

    @Test func `the peers' figures stand beside ours`() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let output = directory.path("figure.svg")
        let files = ["h200/decode.jsonl", "peers/h100.jsonl"].map(RecordFiles.path)
        let arguments =
            files + ["--only", "bench=decode", "popularity=distinct", "model=llama-2-7b", "rank=16", "commit=015d452,"]
            + ["--by", "system", "gpu", "--title", "One <step>", "--output", output]
        try FigureCommand.parse(arguments).run()
        let svg = try String(contentsOfFile: output, encoding: .utf8)
        #expect(svg.hasPrefix("<svg xmlns="))
        #expect(svg.contains("One &lt;step&gt;"))
        #expect(svg.contains(">Punica, NVIDIA H200<") && svg.contains(">vLLM 0.25.1, NVIDIA H100 80GB HBM3<"))
        // Six batches of ours and four of theirs, each with its floor.
        #expect(Markup(svg).lines(dashed: false).map(\.count) == [6, 4])
        #expect(Markup(svg).lines(dashed: true).map(\.count) == [6, 4])
    }

    @Test(arguments: [
        (["model=none"], ["gpu"], "none of"),
        (["bench=decode", "model=llama-2-7b"], ["gpu"], "differ in"),
        (["rank=16"], ["popularity"], "differ in model (llama-2-13b, llama-2-70b, llama-2-7b)"),
        (["rank=16"], ["nofield"], "no record has the field nofield"),
    ])
    func `what would not be one chart is an error that says why`(
        _ only: [String],
        _ by: [String],
        _ reason: String
    ) throws {
        let arguments = [RecordFiles.path("h200/decode.jsonl"), "--only"] + only + ["--by"] + by
        let command = try FigureCommand.parse(arguments + ["--title", "nothing", "--output", "/dev/null"])
        let error = #expect(throws: BenchError.self) { try command.run() }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test func `units are not mixed on one axis`() throws {
        let files = ["h200/decode.jsonl", "h200/textgen.jsonl"].map(RecordFiles.path)
        let arguments = files + ["--by", "bench", "--title", "nothing", "--output", "/dev/null"]
        let error = #expect(throws: BenchError.self) { try FigureCommand.parse(arguments).run() }
        #expect(error?.description.contains("differ in bench (decode, textgen)") == true)
    }
}
