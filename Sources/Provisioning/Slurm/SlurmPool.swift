/// Machines that Slurm lends: each is a job that runs one runner with one GPU.
///
/// A job's name is its machine's; with the job's comment it tells whose job it is, so that a restarted scheduler finds
/// its jobs again. A requeued job keeps its machine's name and becomes a new incarnation of it. Jobs cancelled by others
/// are reported as failed for as long as Slurm remembers them (`MinJobAge`).
package actor SlurmPool: GPUPool {
    private let configuration: SlurmConfiguration
    private let commands: any CommandRunner
    /// Machines that were given back; their jobs' ends are nobody's failure.
    private var released: Set<String> = []

    package init(_ configuration: SlurmConfiguration, commands: any CommandRunner = SystemCommands()) {
        self.configuration = configuration
        self.commands = commands
    }

    package func acquire(_ count: Int) async throws(PoolError) -> [String] {
        let room = configuration.maxJobs - (try await jobs().count { $0.isLive })
        var names: [String] = []
        while names.count < min(count, room) {
            do throws(PoolError) {
                names.append(try await submit())
            } catch {
                // What was submitted counts; the next call meets the same error again if it lasts.
                guard !names.isEmpty else { throw error }
                break
            }
        }
        return names
    }

    package func release(_ machine: String) async throws(PoolError) {
        released.insert(machine)
        for job in try await jobs() where job.name == machine && job.isLive {
            _ = try await commands.run(["scancel", job.id], input: "")
        }
    }

    package func machines() async throws(PoolError) -> [PoolMachine] {
        let jobs = try await jobs()
        released.formIntersection(jobs.map(\.name))
        return jobs.compactMap(machine).sorted { $0.name < $1.name }
    }

    private func machine(_ job: SlurmJob) -> PoolMachine? {
        guard let state = job.machineState else { return nil }
        let incarnation = "\(job.id).\(job.restarts)"
        guard released.contains(job.name) else {
            return PoolMachine(name: job.name, state: state, incarnation: incarnation)
        }
        return job.isLive ? PoolMachine(name: job.name, state: .ending, incarnation: incarnation) : nil
    }

    private func submit() async throws(PoolError) -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 36)
        let machine = "\(configuration.service)-\(digits)"
        let command = configuration.submission(machine: machine)
        let answer = try await commands.run(command, input: configuration.script(machine: machine))
        // `--parsable`: the job's id, and after a semicolon its cluster's name.
        guard let digit = answer.utf8.first, (0x30...0x39).contains(digit) else {
            throw .invalidAnswer(from: "sbatch", reason: "no job id", answer: answer)
        }
        return machine
    }

    /// This cluster's jobs that Slurm still knows, ended ones among them.
    private func jobs() async throws(PoolError) -> [SlurmJob] {
        let query = ["squeue", "--noheader", "--me", "--states=all", "--Format=\(SlurmJob.format)"]
        return try SlurmJob.parse(try await commands.run(query, input: "")).filter { job in
            job.comment == configuration.comment && job.name.hasPrefix(configuration.service + "-")
        }
    }
}
