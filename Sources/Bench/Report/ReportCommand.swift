package import ArgumentParser
internal import JSON

/// `bench report`: records on disk, drawn as a benchmark's `--report` draws its own.
package struct ReportCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Draw records of benchmarks as one HTML page."
    )

    @Argument(help: "Files of JSON lines, as benchmarks print them.") var files: [String]
    @Option(help: "The page's file.") var output: String

    package init() {}

    package func run() throws {
        var records: [JSONObject] = []
        for file in files { records += try BenchReport.records(of: file) }
        guard !records.isEmpty else { throw BenchError.noRecords(files: files) }
        try BenchReport(records).write(to: output)
    }
}
