import ArgumentParser
import Bench
import Doctor
import Simulation

/// The command line.
@main
struct Punica: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "punica",
        abstract: "Serve many LoRA fine-tunes of one model from one copy of it.",
        version: "0.1.0",
        subcommands: [
            ServeCommand.self, SchedulerCommand.self, RunnerCommand.self, ClusterCommand.self, DemoCommand.self,
            BenchCommand.self, DoctorCommand.self, SimulateCommand.self,
        ]
    )
}
