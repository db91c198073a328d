import Provisioning
import Synchronization

/// Answers as `sbatch`, `squeue` and `scancel` of Slurm 22.05 do.
final class FakeSlurm: CommandRunner {
    struct Job {
        let name: String
        let comment: String
        var state = "PENDING"
        var restarts = 0
        var reason = "None"
    }

    struct State {
        var jobs: [Int: Job] = [:]
        var commands: [[String]] = []
        var scripts: [String] = []
        /// Commands fail from this job on.
        var failsFromJob = Int.max
        var squeueAnswer: String?
    }

    let state = Mutex(State())

    func run(_ command: [String], input: String) async throws(PoolError) -> String {
        let result: Result<String, PoolError> = state.withLock { state in
            state.commands.append(command)
            switch command[0] {
            case "sbatch": return submit(command, input, &state)
            case "squeue": return .success(state.squeueAnswer ?? list(state))
            default:
                if let id = Int(command[1]) { state.jobs[id]?.state = "CANCELLED" }
                return .success("")
            }
        }
        return try result.get()
    }

    private func submit(_ command: [String], _ script: String, _ state: inout State) -> Result<String, PoolError> {
        let id = 10 + state.jobs.count
        guard id < state.failsFromJob else {
            return .failure(.command(command: "sbatch", status: "exited(1)", output: "Batch job submission failed"))
        }
        func value(_ option: String) -> String {
            command.first { $0.hasPrefix(option) }.map { String($0.dropFirst(option.count)) } ?? ""
        }
        state.scripts.append(script)
        state.jobs[id] = Job(name: value("--job-name="), comment: value("--comment="))
        return .success("\(id)\n")
    }

    private func list(_ state: State) -> String {
        state.jobs.sorted { $0.key < $1.key }.map { id, job in
            "\(id)|\(job.name)|\(job.state)|\(job.restarts)|\(job.reason)|\(job.comment)|\n"
        }.joined()
    }

    subscript(name: String) -> Job? {
        get { state.withLock { $0.jobs.values.first { $0.name == name } } }
        set {
            state.withLock { state in
                guard let id = state.jobs.first(where: { $0.value.name == name })?.key else { return }
                state.jobs[id] = newValue
            }
        }
    }
}
