import ArgumentParser
import Bench
import Doctor
import Simulation

/// The benchmarks alone, in a product that builds without the server.
@main
struct PunicaBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "punica-bench",
        abstract: "Measure parts of Punica.",
        subcommands: BenchCommand.configuration.subcommands
            + [DoctorCommand.self, CompareCommand.self, RanksCommand.self, SimulateCommand.self]
    )
}
