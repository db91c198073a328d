internal import Charts

/// Medians by batch, a line for each system, and its floor dashed beside it.
struct RecordFigure {
    private let records: [ReportRecord]
    private let fields: [String]

    /// - Parameter fields: whose values name a line.
    init(_ records: [ReportRecord], by fields: [String]) {
        self.records = records
        self.fields = fields
    }

    /// - Returns: nil where no record has a batch and a median.
    func svg(title: String) -> String? {
        let lines = self.lines
        guard let unit = records.first?.text("unit"), !lines.isEmpty else { return nil }
        let note = lines.contains(where: \.isBound) ? "; dashed: the floor" : ""
        return SVGChart(title: title, xLabel: "sequences", yLabel: unit + note).document(lines)
    }

    private var lines: [ChartLine] {
        var lines: [ChartLine] = []
        for (number, part) in records.parted(by: name).enumerated() {
            let color = SVGChart.color(number)
            let medians = RecordGroup.points(part.records, "median")
            lines.append(ChartLine(name: part.name, color: color, points: medians, hasDots: true))
            let floors = RecordGroup.points(part.records, "floor")
            lines.append(ChartLine(name: "", color: color, points: floors, isBound: true))
        }
        return lines.filter { !$0.points.isEmpty }
    }

    private func name(_ record: ReportRecord) -> String {
        // Only the records of others say whose they are.
        fields.compactMap { record.text($0) ?? ($0 == "system" ? "Punica" : nil) }.joined(separator: ", ")
    }
}
