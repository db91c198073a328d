internal import Charts
internal import Foundation

/// An experiment as one HTML page that needs nothing else.
struct ReportPage {
    let experiment: Experiment
    let variants: [Experiment.Variant]
    /// What was simulated, in a sentence.
    let subtitle: String

    var html: String {
        let body = charts.joined(separator: "\n") + "\n<h2>Ways to serve the same requests</h2>\n" + table
        return ChartPage(title: "punica simulate", heading: "A simulated cluster", subtitle: subtitle, body: body).html
    }

    private var charts: [String] {
        guard let main = variants.first?.outcome, let last = main.samples.last else { return [] }
        let minutes = main.samples.map { $0.seconds / 60 }
        func line(_ name: String, _ color: Int, _ value: (SimulationSample) -> Int) -> ChartLine {
            let points = zip(minutes, main.samples).map { (x: $0, y: Double(value($1))) }
            return ChartLine(name: name, color: SVGChart.color(color), points: points)
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
            return ChartLine(name: variant.name, color: SVGChart.color(number), points: points)
        }
        return SVGChart(title: title, xLabel: "per cent of requests", yLabel: "seconds, at most").lines(lines)
    }

    private var table: String {
        let heads = [
            "", "GPU-hours held", "with requests", "most GPUs", "latency p50", "p99", "first token p99", "moves",
            "of one at most",
        ]
        let rows = variants.map { variant -> [String] in
            let outcome = variant.outcome
            let latency = outcome.latency.sorted()
            let first = outcome.firstToken.sorted()
            return [
                variant.name, Self.decimal(outcome.heldHours), Self.decimal(outcome.busyHours), "\(outcome.peakHeld)",
                Self.decimal(percentile(sorted: latency, 0.5)) + " s",
                Self.decimal(percentile(sorted: latency, 0.99)) + " s",
                Self.decimal(percentile(sorted: first, 0.99)) + " s", "\(outcome.moves)", "\(outcome.mostMoves)",
            ]
        }
        return HTML.table(heads: heads, rows: rows)
    }

    private static func decimal(_ value: Double) -> String { String(format: "%.2f", value) }
}
