internal import Foundation

/// An experiment as one HTML page that needs nothing else.
struct ReportPage {
    let experiment: Experiment
    let variants: [Experiment.Variant]
    /// What was simulated, in a sentence.
    let subtitle: String

    private static let colors = ["#1261a6", "#d1495b", "#2e8b57", "#b8860b", "#6a4c93"]

    var html: String {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
        <title>punica simulate</title><style>\(Self.style)</style></head>
        <body><h1>A simulated cluster</h1><p>\(Self.escaped(subtitle))</p>
        \(charts.joined(separator: "\n"))
        <h2>Ways to serve the same requests</h2>
        \(table)
        </body></html>

        """
    }

    private static let style = """
        body{font:16px/1.45 system-ui,sans-serif;margin:0 auto;max-width:46rem;padding:1rem;color:#222;background:#fff}
        h1{font-size:1.35rem;margin:.2rem 0}h2{font-size:1.1rem}figure{margin:1.1rem 0}figcaption{font-weight:600}
        small{font-weight:400;color:#666}svg{width:100%;height:auto;display:block}
        svg text{font:10px system-ui,sans-serif;fill:#444}
        .legend{display:flex;flex-wrap:wrap;gap:.2rem .9rem;font-size:.85rem}
        .legend i{display:inline-block;width:.8em;height:.8em;margin-right:.35em;border-radius:2px}
        .wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem}
        td,th{padding:.3rem .5rem;border-bottom:1px solid #ddd;text-align:right;font-variant-numeric:tabular-nums}
        td:first-child,th:first-child{text-align:left}
        """

    private var charts: [String] {
        guard let main = variants.first?.outcome, let last = main.samples.last else { return [] }
        let minutes = main.samples.map { $0.seconds / 60 }
        func line(_ name: String, _ color: Int, _ value: (SimulationSample) -> Int) -> ChartLine {
            let points = zip(minutes, main.samples).map { (x: $0, y: Double(value($1))) }
            return ChartLine(name: name, color: Self.colors[color], points: points)
        }
        let batch = SVGChart(
            title: "Requests of every GPU",
            xLabel: "minutes",
            yLabel: "a row for each, highest id above"
        )
        let gpus = SVGChart(title: "GPUs", xLabel: "minutes", yLabel: "held, and those with requests")
        let waiting = SVGChart(title: "Requests waiting for a GPU", xLabel: "minutes", yLabel: "")
        return [
            batch.strips(rows(main), most: Double(experiment.preset.maxBatch), xMost: last.seconds / 60),
            gpus.lines([line("held", 1) { $0.held }, line("with requests", 0) { $0.busy }]),
            waiting.lines([line("waiting", 0) { $0.waiting }]),
            percentileChart("Latency of a request", \.latency),
            percentileChart("Time to the first token", \.firstToken),
        ]
    }

    /// GPUs from the highest id down; of very many, neighbours share a row.
    private func rows(_ outcome: SimulationOutcome) -> [(name: String, values: [Double])] {
        let count = experiment.settings.gpus
        let group = (count + ExperimentRecord.shownGPUs - 1) / ExperimentRecord.shownGPUs
        return stride(from: 0, to: count, by: group).reversed().map { first in
            let members = first..<min(first + group, count)
            let values = outcome.samples.map { sample in
                (Double(members.reduce(0) { $0 + Int(sample.batches[$1]) }) / Double(members.count)).rounded()
            }
            return ("\(first)", values)
        }
    }

    /// How many of a hundred requests took at most so long.
    private func percentileChart(_ title: String, _ values: KeyPath<SimulationOutcome, [Double]>) -> String {
        let lines = variants.enumerated().map { number, variant in
            let sorted = variant.outcome[keyPath: values].sorted()
            let points = (1...99).map { (x: Double($0), y: percentile(sorted: sorted, Double($0) / 100)) }
            return ChartLine(name: Self.escaped(variant.name), color: Self.colors[number % 5], points: points)
        }
        return SVGChart(title: title, xLabel: "per cent of requests", yLabel: "seconds, at most").lines(lines)
    }

    private var table: String {
        let heads = [
            "", "GPU-hours held", "with requests", "most GPUs", "latency p50", "p99", "first token p99", "moves",
            "of one at most",
        ]
        let rows = variants.map { variant in
            let outcome = variant.outcome
            let latency = outcome.latency.sorted()
            let first = outcome.firstToken.sorted()
            let cells = [
                Self.escaped(variant.name), Self.decimal(outcome.heldHours), Self.decimal(outcome.busyHours),
                "\(outcome.peakHeld)", Self.decimal(percentile(sorted: latency, 0.5)) + " s",
                Self.decimal(percentile(sorted: latency, 0.99)) + " s",
                Self.decimal(percentile(sorted: first, 0.99)) + " s", "\(outcome.moves)", "\(outcome.mostMoves)",
            ]
            return "<tr>" + cells.map { "<td>\($0)</td>" }.joined() + "</tr>"
        }
        return "<div class=\"wide\"><table><tr>" + heads.map { "<th>\($0)</th>" }.joined() + "</tr>"
            + rows.joined(separator: "\n") + "</table></div>"
    }

    private static func decimal(_ value: Double) -> String { String(format: "%.2f", value) }

    private static func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
    }
}
