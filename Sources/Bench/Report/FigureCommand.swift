package import ArgumentParser
internal import Foundation
internal import JSON

/// `bench figure`: one chart of chosen records as an SVG file, for documents.
package struct FigureCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "figure",
        abstract: "Draw chosen records by batch, a line for each system, as one SVG file."
    )

    @Argument(help: "Files of JSON lines, as benchmarks print them.") var files: [String]
    @Option(
        parsing: .upToNextOption,
        help: "Which records: FIELD=VALUE, or FIELD=VALUE,VALUE for any of them; an empty value is a missing field."
    )
    var only: [RecordChoice] = []
    @Option(parsing: .upToNextOption, help: "The fields that name a line.") var by: [String]
    @Option(help: "What the chart says above itself.") var title: String
    @Option(help: "The chart's file.") var output: String

    package init() {}

    package func run() throws {
        let records = try files.flatMap { try BenchReport.records(of: $0) }.map { ReportRecord(fields: $0) }
        guard !records.isEmpty else { throw BenchError.noRecords(files: files) }
        let chosen = records.filter { record in only.allSatisfy { $0.takes(record) } && record.number("batch") != nil }
        guard !chosen.isEmpty else { throw BenchError.noneChosen(of: records.count) }
        let svg = try RecordFigure(chosen, by: by).svg(title: title)
        do {
            try Data(svg.utf8).write(to: URL(filePath: output))
        } catch {
            throw BenchError.unwritable(file: output, reason: error.localizedDescription)
        }
    }
}

/// A condition on one field.
struct RecordChoice: ExpressibleByArgument {
    let field: String
    let values: [String]

    init?(argument: String) {
        guard let sign = argument.firstIndex(of: "="), sign > argument.startIndex else { return nil }
        field = String(argument[..<sign])
        values = argument[argument.index(after: sign)...].split(separator: ",", omittingEmptySubsequences: false)
            .map(String.init)
    }

    func takes(_ record: ReportRecord) -> Bool { values.contains(record.text(field) ?? "") }
}
