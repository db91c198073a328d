/// The charts of each kind of record.
enum BenchCharts {
    /// - Returns: a figure for each; none for kinds unknown.
    static func charts(of bench: String, _ records: [ReportRecord]) -> [String] {
        switch bench {
        case "decode": step("A decode step", records)
        case "layer": step("A decoder layer", records)
        case "kernels": kernels(records)
        case "textgen": textGen(records)
        case "engine": engine(records)
        case "soak": soak(records)
        case "load": load(records)
        case "mixed": mixed(records)
        default: []
        }
    }

    private static func step(_ title: String, _ records: [ReportRecord]) -> [String] {
        RecordGroup.groups(records, drawn: ["batch", "popularity"]).flatMap { group in
            group.lineChart(title, x: "sequences", y: group.unit, of: "median", bound: "floor")
        }
    }

    private static func load(_ records: [ReportRecord]) -> [String] {
        RecordGroup.groups(records, drawn: ["measured", "bytes", "loads"]).flatMap { group in
            group.barChart("Adapters that come while others decode", unit: group.unit, of: "median", bound: "floor") {
                $0.text("measured") ?? ""
            }
        }
    }

    private static func mixed(_ records: [ReportRecord]) -> [String] {
        RecordGroup.groups(records, drawn: ["popularity", "step"]).flatMap { group in
            group.barChart("What a prefill adds to a step", unit: group.unit, of: "median", bound: "floor") {
                $0.text("popularity") ?? ""
            }
        }
    }
}
