/// Whole engines: tokens a second.
extension BenchCharts {
    static func textGen(_ records: [ReportRecord]) -> [String] {
        let drawn: Set = ["batch", "popularity", "tokens", "seconds", "steps", "preemptions"]
        return RecordGroup.groups(records, drawn: drawn).flatMap { group in
            group.barChart("Requests queued at once", unit: group.unit, of: "median") {
                "\($0.text("popularity") ?? ""), \($0.text("batch") ?? "?") running"
            }
        }
    }

    /// Rates by popularity; of a model that costs nothing also what a step costs without it.
    static func engine(_ records: [ReportRecord]) -> [String] {
        let results: Set = ["seconds", "steps", "tokens_per_second", "overhead_mean_us", "overhead_p95_below_us"]
        return RecordGroup.groups(records, drawn: results.union(["batch", "popularity"])).flatMap { group in
            group.barChart("The engine", unit: "tokens a second", of: "tokens_per_second", name: requests)
                + group.barChart("Outside the forward pass", unit: "µs a step", of: "overhead_mean_us", name: requests)
        }
    }

    static func soak(_ records: [ReportRecord]) -> [String] {
        let drawn: Set = [
            "round", "complete", "cancelled", "refused", "broken", "preemptions", "adapter_loads", "adapter_evictions",
            "lost_blocks", "lost_bytes", "free_bytes",
        ]
        return RecordGroup.groups(records, drawn: drawn).flatMap { group in
            group.barChart("Requests of all kinds", unit: group.unit, of: "median") {
                "round \($0.text("round") ?? "?")"
            }
        }
    }

    private static func requests(_ record: ReportRecord) -> String {
        let batch = "\(record.text("batch") ?? "?") requests"
        guard let popularity = record.text("popularity") else { return batch }
        return "\(popularity), \(batch)"
    }
}
