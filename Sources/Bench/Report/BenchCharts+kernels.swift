extension BenchCharts {
    /// For each kernel its time, and the share of the memory's bandwidth that it reaches.
    static func kernels(_ records: [ReportRecord]) -> [String] {
        let drawn: Set = ["kernel", "batch", "popularity", "bytes", "bandwidth_share"]
        return records.parted { $0.text("kernel") ?? "" }.flatMap { kernel in
            RecordGroup.groups(kernel.records, drawn: drawn).flatMap { group in
                group.lineChart(kernel.name, x: "rows", y: group.unit, of: "median", bound: "floor")
                    + group.lineChart(kernel.name, x: "rows", y: "share of the bandwidth", of: "bandwidth_share")
            }
        }
    }
}
