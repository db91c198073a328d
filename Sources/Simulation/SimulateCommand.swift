package import ArgumentParser
internal import Cluster
internal import Foundation
internal import JSON

/// `simulate`: a cluster of any size, served by the scheduler that real ones use.
package struct SimulateCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Simulate a cluster: the paper's experiment, or a trace of one's own.",
        discussion: "Writes result.json and report.html (docs/simulation.md); the same arguments give the same files."
    )

    @Option(help: "GPUs of the cluster; 1 ... 100000.") var gpus = 16
    @Option(help: "Requests. Default: as many as bring the cluster to --peak-load.") var requests: Int?
    @Option(help: "Seconds over which they arrive. Default: 3600, or by --requests and --peak-load.")
    var duration: Double?
    @Option(help: "Load at the peak, as a share of what the GPUs can serve.") var peakLoad = 0.9
    @Option(help: "distinct, uniform, skewed (the paper's Zipf-1.5) or identical.")
    var popularity = WorkloadPopularity.skewed
    @Option(parsing: .upToNextOption, help: "Ranks that adapters have, in turn; each 1 ... 512.") var ranks = [16]
    @Option(help: "What all random numbers follow from.") var seed: UInt64 = 1
    @Option(help: "A trace of one's own: a JSON object a line (docs/simulation.md), in place of the paper's.")
    var trace: String?
    @Option(help: "\(PlacementPolicies.names.joined(separator: ", ")).") var policy = PaperPolicy().name
    @Option(help: "The GPU: \(SimulationPreset.all.map(\.name).joined(separator: ", ")).") var preset = "a100"
    @Option(
        parsing: .upToNextOption,
        help: "Take step times from these JSON-lines records of decode and mixed benches."
    )
    var records: [String] = []
    @Option(help: "The model of those records.") var model = "llama-2-7b"
    @Flag(help: "All GPUs are there from start to end; otherwise they are asked for and given back.") var fixed = false
    @Option(help: "Seconds until a GPU that was asked for is there.") var startup = 30.0
    @Flag(help: "Leave running requests where they are.") var noConsolidation = false
    @Option(
        parsing: .upToNextOption,
        help: "Serve the trace in other ways too: without-consolidation, dedicated, policies, or none."
    )
    var compare = ["without-consolidation", "dedicated"]
    @Option(help: "A directory for result.json and report.html.") var output: String?
    @Flag(help: "Measure a placement decision among --gpus runners, and nothing else.") var measurePlacement = false

    package init() {}

    package func validate() throws {
        guard (1...100_000).contains(gpus) else { throw ValidationError("--gpus is \(gpus), but must be 1 ... 100000") }
        guard (1...100_000_000).contains(requests ?? 1) else {
            throw ValidationError("--requests is \(requests ?? 0), but must be 1 ... 100000000")
        }
        for (name, value, bound) in [
            ("duration", duration ?? 1, 0.001...1e7), ("peak-load", peakLoad, 0.01...10),
            ("startup", startup, 0...86400),
        ] where !bound.contains(value) {
            throw ValidationError("--\(name) is \(value), but must be \(bound.lowerBound) ... \(bound.upperBound)")
        }
        for rank in ranks where !(1...512).contains(rank) {
            throw ValidationError("--ranks has \(rank), but must be 1 ... 512")
        }
        guard PlacementPolicies.named(policy) != nil else {
            throw ValidationError("--policy is '\(policy)', but must be one of \(PlacementPolicies.names)")
        }
        _ = try alternatives()
        _ = try chosenPreset()
    }

    package func run() throws {
        let policy = PlacementPolicies.named(policy) ?? PaperPolicy()
        if measurePlacement { return printLine(PlacementBench(runners: gpus, policy: policy, seed: seed).run()) }
        var settings = SimulationSettings(gpus: gpus)
        settings.policy = policy
        settings.consolidates = !noConsolidation
        settings.scales = !fixed
        settings.startup = startup
        let preset = try timedPreset()
        let (trace, workload) = try makeTrace(preset)
        let experiment = Experiment(trace: trace, preset: preset, settings: settings)
        let clock = ContinuousClock()
        let start = clock.now
        var variants = [try experiment.main()]
        let wall = clock.now - start
        for alternative in try alternatives() { variants += try experiment.variants(alternative) }
        let record = ExperimentRecord(experiment: experiment, variants: variants, workload: workload)
        if let output { try write(record, to: output) }
        for (number, variant) in variants.enumerated() {
            var line: JSONObject = ["bench": "simulate", "gpus": .integer(gpus)]
            for (key, value) in record.summary(variant) { line[key] = value }
            if number == 0 { line["wall_s"] = .number(wall / .seconds(1)) }
            printLine(.object(line))
        }
    }
}

/// What the options say.
extension SimulateCommand {
    private func alternatives() throws -> [Experiment.Alternative] {
        try compare.filter { $0 != "none" }.map { name in
            guard let alternative = Experiment.Alternative(rawValue: name) else {
                let names = Experiment.Alternative.allCases.map(\.rawValue) + ["none"]
                throw ValidationError("--compare has '\(name)', but must be of \(names)")
            }
            return alternative
        }
    }

    private func chosenPreset() throws -> SimulationPreset {
        guard let chosen = SimulationPreset.all.first(where: { $0.name == preset }) else {
            throw ValidationError("--preset is '\(preset)', but must be of \(SimulationPreset.all.map(\.name))")
        }
        return chosen
    }

    private func timedPreset() throws -> SimulationPreset {
        var chosen = try chosenPreset()
        guard !records.isEmpty else { return chosen }
        chosen.step = try StepTimeModel.fitting(files: records, model: model)
        chosen.name += " with measured steps"
        return chosen
    }

    /// The trace, and how it came about.
    private func makeTrace(_ preset: SimulationPreset) throws -> (Trace, JSONObject) {
        if let trace {
            let read = try Trace(file: trace)
            return (read, ["trace": .string(read.name), "requests": .integer(read.requests.count)])
        }
        // The rate rises to its peak and falls in straight lines, so its mean is half the peak.
        let meanRate = peakLoad / 2 * Double(gpus) * PaperWorkload.rate(of: preset)
        let seconds = duration ?? requests.map { Double($0) / meanRate } ?? 3600
        let count = requests ?? max(1, Int(meanRate * seconds))
        let workload = PaperWorkload(
            requests: count,
            duration: seconds,
            popularity: popularity,
            ranks: ranks,
            seed: seed
        )
        let made = workload.trace()
        return (
            made,
            [
                "trace": "paper", "requests": .integer(count), "seconds": .number(seconds),
                "popularity": .string(popularity.rawValue), "adapters": .integer(made.adapters.count),
                "ranks": .array(ranks.map { .integer($0) }), "seed": .integer(Int(truncatingIfNeeded: seed)),
            ]
        )
    }

    private func write(_ record: ExperimentRecord, to directory: String) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let folder = URL(filePath: directory)
        try Data(record.json.encodedBytes()).write(to: folder.appending(path: "result.json"))
        let settings = record.experiment.settings
        let machines = settings.scales ? "up to \(gpus) GPUs, asked for and given back" : "\(gpus) GPUs"
        let page = ReportPage(
            experiment: record.experiment,
            variants: record.variants,
            subtitle:
                "\(record.experiment.trace.requests.count) requests for \(record.experiment.trace.adapters.count) "
                + "adapters of a 7B model, \(machines) (\(record.experiment.preset.name)), largest batch "
                + "\(record.experiment.preset.maxBatch), placement '\(settings.policy.name)'."
        )
        try Data(page.html.utf8).write(to: folder.appending(path: "report.html"))
    }

    private func printLine(_ value: JSONValue) {
        FileHandle.standardOutput.write(Data((value.encoded() + "\n").utf8))
    }
}

extension WorkloadPopularity: ExpressibleByArgument {}
