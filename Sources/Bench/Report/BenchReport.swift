internal import Charts
internal import Foundation
internal import JSON

/// Records of benchmarks as one HTML page: by kind, charts and below them a table of all fields.
struct BenchReport {
    let records: [ReportRecord]

    init(_ records: [JSONObject]) { self.records = records.map { ReportRecord(fields: $0) } }

    var html: String {
        let kinds = records.parted { $0.text("bench") ?? "records" }
        let sections = kinds.map { kind in
            let parts = BenchCharts.charts(of: kind.name, kind.records) + [Self.table(kind.records)]
            return "<h2>\(HTML.escaped(kind.name))</h2>\n" + parts.joined(separator: "\n")
        }
        let heading = "punica-bench: " + kinds.map(\.name).joined(separator: ", ")
        return ChartPage(
            title: "\(heading) (\(facts))",
            heading: heading,
            subtitle: "\(facts). \(records.count) records.",
            body: sections.joined(separator: "\n")
        ).html
    }

    func write(to file: String) throws(BenchError) {
        do {
            try Data(html.utf8).write(to: URL(filePath: file))
        } catch {
            throw .unwritable(file: file, reason: error.localizedDescription)
        }
    }

    /// GPU, model, commit and date; all values where there are several.
    private var facts: String {
        let gpus = values("gpu")
        let days = values("date").map { String($0.prefix(10)) }.sorted()
        let span = days.first == days.last ? Array(days.prefix(1)) : [days[0], days[days.count - 1]]
        let facts = [
            (gpus.isEmpty ? values("backend") : gpus).joined(separator: ", "),
            values("model").joined(separator: ", "),
            values("commit").map { "commit \($0)" }.joined(separator: ", "),
            span.joined(separator: " to "),
        ]
        return facts.filter { !$0.isEmpty }.joined(separator: "; ")
    }

    private func values(_ key: String) -> [String] {
        var known: Set<String> = []
        return records.compactMap { $0.text(key) }.filter { known.insert($0).inserted }
    }

    /// Every field of every record; a column for each that any has.
    private static func table(_ records: [ReportRecord]) -> String {
        var keys: [String] = []
        var known: Set<String> = []
        for key in records.flatMap({ $0.fields.keys }) where known.insert(key).inserted { keys.append(key) }
        return HTML.table(heads: keys, rows: records.map { record in keys.map { record.cell($0) } })
    }
}

extension BenchReport {
    /// The records of a file of JSON lines; blank lines do not count.
    static func records(of file: String) throws(BenchError) -> [JSONObject] {
        guard let data = FileManager.default.contents(atPath: file) else { throw .unreadable(file: file) }
        var records: [JSONObject] = []
        let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() where line.contains(where: { $0 > UInt8(ascii: " ") }) {
            records.append(try record(Array(line), file: file, line: number + 1))
        }
        return records
    }

    private static func record(_ text: [UInt8], file: String, line: Int) throws(BenchError) -> JSONObject {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: text)
        } catch {
            throw .malformed(file: file, line: line, reason: "\(error)")
        }
        guard let object = value.object else {
            throw .malformed(file: file, line: line, reason: "a record is an object, but this is of kind \(value.kind)")
        }
        return object
    }
}
