internal import Charts

/// Charts of a group; none where no record has the field.
extension RecordGroup {
    /// A field over batch, a line for each popularity; that of `bound` dashed beside it.
    func lineChart(_ title: String, x: String, y: String, of key: String, bound: String? = nil) -> [String] {
        let lines = chartLines(of: key, bound: bound)
        guard !lines.isEmpty else { return [] }
        let note = lines.contains(where: \.isBound) ? "; dashed: the floor" : ""
        return [SVGChart(title: self.title(title), xLabel: x, yLabel: y + note).lines(lines)]
    }

    /// A bar for each name that records go by; the field `bound` as a mark across it.
    func barChart(
        _ title: String,
        unit: String,
        of key: String,
        bound: String? = nil,
        name: (ReportRecord) -> String
    ) -> [String] {
        let bars = records.parted(by: name).compactMap { part -> ChartBar? in
            guard let value = Self.middle(part.records, key) else { return nil }
            return ChartBar(name: part.name, value: value, bound: bound.flatMap { Self.middle(part.records, $0) })
        }
        guard !bars.isEmpty else { return [] }
        let note = bars.contains { $0.bound != nil } ? "; the mark is the floor" : ""
        return [SVGChart(title: self.title(title), yLabel: unit + note).bars(bars)]
    }

    private func chartLines(of key: String, bound: String?) -> [ChartLine] {
        var lines: [ChartLine] = []
        for (number, part) in records.parted(by: { $0.text("popularity") ?? "" }).enumerated() {
            let color = SVGChart.color(number)
            let points = Self.points(part.records, key)
            lines.append(ChartLine(name: part.name, color: color, points: points, hasDots: true))
            guard let bound else { continue }
            lines.append(ChartLine(name: "", color: color, points: Self.points(part.records, bound), isBound: true))
        }
        return lines.filter { !$0.points.isEmpty }
    }

    /// A point for each batch, in order.
    static func points(_ records: [ReportRecord], _ key: String) -> [(x: Double, y: Double)] {
        var batches: [Double: [ReportRecord]] = [:]
        for record in records {
            guard let batch = record.number("batch"), batch > 0 else { continue }
            batches[batch, default: []].append(record)
        }
        return batches.keys.sorted().compactMap { batch -> (x: Double, y: Double)? in
            middle(batches[batch] ?? [], key).map { (x: batch, y: $0) }
        }
    }

    /// The middle of what was measured more than once; nil if it never was.
    private static func middle(_ records: [ReportRecord], _ key: String) -> Double? {
        let values = records.compactMap { $0.number(key) }
        return values.isEmpty ? nil : median(values)
    }
}
