package import ArgumentParser

/// `bench`: measurements of this system's parts, one JSON line for each run.
package struct BenchCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure parts of the system; every run prints one JSON line.",
        subcommands: [
            EngineBench.self, KernelBench.self, LayerBench.self, DecodeBench.self, LoadBench.self, MixedBench.self,
            TextGenBench.self, SoakBench.self, ReportCommand.self, FigureCommand.self,
        ]
    )

    package init() {}
}
