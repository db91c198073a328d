/// One line of what `squeue` tells about a job.
struct SlurmJob: Equatable {
    /// What is asked of `squeue`: fields between bars, each as long as it is.
    static let format = "JobID:|,Name:|,State:|,RestartCnt:|,Reason:|,Comment:|"

    let id: String
    let name: String
    /// As Slurm writes it in full, such as `RUNNING`.
    let state: String
    let restarts: String
    let reason: String
    let comment: String

    init(parsing line: Substring) throws(PoolError) {
        let fields = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        guard fields.count >= 6, !fields[0].isEmpty, fields[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .invalidAnswer(from: "squeue", reason: "not the fields \(Self.format)", answer: String(line))
        }
        (id, name, state) = (fields[0], fields[1], fields[2])
        (restarts, reason, comment) = (fields[3], fields[4], fields[5])
    }

    static func parse(_ output: String) throws(PoolError) -> [SlurmJob] {
        var jobs: [SlurmJob] = []
        for line in output.split(separator: "\n") { jobs.append(try SlurmJob(parsing: line)) }
        return jobs
    }

    /// Nil once it has ended as it should.
    var machineState: PoolMachine.State? {
        switch state {
        case "PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT":
            .pending
        case "RUNNING", "RESIZING", "SIGNALING", "STAGE_OUT", "SUSPENDED", "STOPPED": .running
        case "COMPLETING": .ending
        case "COMPLETED": nil
        default: .failed(reason: reason == "None" ? state : "\(state): \(reason)")
        }
    }

    /// Whether Slurm still does, or will do, something with it.
    var isLive: Bool {
        switch machineState {
        case .pending, .running, .ending: true
        case .failed, nil: false
        }
    }
}
