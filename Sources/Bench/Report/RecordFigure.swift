internal import Charts

/// Medians by batch, a line for each system, and its floor dashed beside it.
struct RecordFigure {
    private let records: [ReportRecord]
    private let lines: [ChartLine]

    /// In what the records of one line may not differ; commits and contexts may.
    private static let settings = ["bench", "unit", "model", "workload", "popularity", "rank", "tensor_parallel"]

    /// - Parameters:
    ///   - records: not empty; each with a batch.
    ///   - fields: whose values name a line.
    /// - Throws: `BenchError` for records that do not belong on one line or one axis, and for fields that none has.
    init(_ records: [ReportRecord], by fields: [String]) throws(BenchError) {
        self.records = records
        for field in fields where !records.contains(where: { $0.text(field) != nil }) { throw .noField(field) }
        try Self.check("all", records, ["bench", "unit"])
        var lines: [ChartLine] = []
        for (number, part) in records.parted(by: { Self.name($0, fields) }).enumerated() {
            try Self.check(part.name, part.records, Self.settings)
            let color = SVGChart.color(number)
            let medians = RecordGroup.points(part.records, "median")
            lines.append(ChartLine(name: part.name, color: color, points: medians, hasDots: true))
            let floors = RecordGroup.points(part.records, "floor")
            lines.append(ChartLine(name: "", color: color, points: floors, isBound: true))
        }
        self.lines = lines.filter { !$0.points.isEmpty }
    }

    func svg(title: String) -> String {
        let note = lines.contains(where: \.isBound) ? "; dashed: the floor" : ""
        return SVGChart(title: title, xLabel: "sequences", yLabel: (records[0].text("unit") ?? "") + note)
            .document(lines)
    }

    private static func name(_ record: ReportRecord, _ fields: [String]) -> String {
        // Only the records of others say whose they are.
        fields.compactMap { record.text($0) ?? ($0 == "system" ? "Punica" : nil) }.joined(separator: ", ")
    }

    private static func check(
        _ line: String,
        _ records: [ReportRecord],
        _ fields: [String]
    ) throws(BenchError) {
        for field in fields {
            // A model is on one device where a record says nothing else.
            let values = Set(records.map { $0.text(field) ?? (field == "tensor_parallel" ? "1" : "none") })
            if values.count > 1 { throw .mixed(line: line, field: field, values: values.sorted()) }
        }
    }
}
