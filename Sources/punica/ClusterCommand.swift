import ArgumentParser
import Cluster
import ClusterProtocol
import Foundation
import Roles

/// `cluster`: what an operator asks of a running cluster.
struct ClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "Look at a running cluster, and empty its runners.",
        subcommands: [Status.self, Drain.self, Shuffle.self]
    )

    struct SchedulerOptions: ParsableArguments {
        @Option(help: "Where the scheduler listens, HOST:PORT.")
        var scheduler = NetworkAddress(host: "127.0.0.1", port: 8100)
        @OptionGroup var security: SecurityOptions

        var client: OperatorClient { OperatorClient(scheduler: scheduler, security: security.security) }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the state of the cluster as JSON.")
        @OptionGroup var options: SchedulerOptions

        func run() async throws { print(try await options.client.perform(.status)) }
    }

    struct Drain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Move everything away from a runner, then end it.")
        @Argument(help: "The runner's id.") var runner: RunnerID
        @OptionGroup var options: SchedulerOptions

        func run() async throws {
            let answer = try await options.client.perform(.drain(runner))
            print(answer)
            guard answer.hasSuffix("is draining") else { throw ExitCode.failure }
        }
    }

    struct Shuffle: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Move running requests by chance: a rehearsal, to see that no client notices."
        )
        @Option(help: "Milliseconds between two moves.") var every = 100
        @Option(help: "Seconds to go on for.") var seconds = 10.0
        @OptionGroup var options: SchedulerOptions

        func validate() throws {
            guard (1...3_600_000).contains(every) else {
                throw ValidationError("--every is \(every), but must be 1 ... 3600000 milliseconds")
            }
        }

        func run() async throws {
            let end = Date.now + seconds
            var (moves, failures) = (0, 0)
            while Date.now < end {
                // The scheduler may be away: that is part of the rehearsal.
                switch try? await options.client.perform(.moveAny) {
                case "one request moves": moves += 1
                case nil: failures += 1
                default: break
                }
                try await Task.sleep(for: .milliseconds(every))
            }
            print("\(moves) moves, \(failures) times no scheduler")
        }
    }
}
