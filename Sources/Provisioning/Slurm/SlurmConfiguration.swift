/// How runners are asked for from Slurm.
package struct SlurmConfiguration: Sendable, Equatable {
    /// Begins the names of this cluster's jobs: two clusters under one Slurm must differ.
    package var service: String
    package var runner: RunnerCommandLine
    /// Jobs at the same time.
    package var maxJobs: Int
    /// A directory that all machines see, for the jobs' output; nil discards it.
    package var logDirectory: String?
    package var partition: String?
    /// As Slurm writes it, `1-00:00:00` for a day; nil is the partition's.
    package var timeLimit: String?
    /// Passed to `sbatch` as they are, such as `--account=llm`.
    package var options: [String]

    package init(service: String, runner: RunnerCommandLine, maxJobs: Int) throws(PoolError) {
        try ServiceName.check(service)
        guard maxJobs > 0 else {
            throw .invalidConfiguration(field: "pool size", bound: "at least 1", value: "\(maxJobs)")
        }
        self.service = service
        self.runner = runner
        self.maxJobs = maxJobs
        options = []
    }

    /// Marks this cluster's jobs, beside their names.
    var comment: String { "punica:\(service)" }

    /// The `sbatch` that submits one job; its script comes by standard input.
    func submission(machine: String) -> [String] {
        var command = ["sbatch", "--parsable", "--requeue", "--gres=gpu:1", "--ntasks=1"]
        command += ["--job-name=\(machine)", "--comment=\(comment)", "--open-mode=append"]
        command.append("--output=\(logDirectory.map { "\($0)/%x.log" } ?? "/dev/null")")
        if let partition { command.append("--partition=\(partition)") }
        if let timeLimit { command.append("--time=\(timeLimit)") }
        return command + options
    }

    /// What in the runner's arguments stands for the name of the machine that Slurm chose.
    static let host = "{host}"

    /// The job's script: the shell becomes the runner, so that the runner receives Slurm's signals.
    func script(machine: String) -> String {
        let words = runner.words(machine: machine).map { word in
            Self.quoted(word).replacing(Self.host, with: #"'"$(hostname)"'"#)
        }
        return "#!/bin/sh\nexec \(words.joined(separator: " "))\n"
    }

    /// A word that a shell takes as it is.
    private static func quoted(_ word: String) -> String {
        "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }
}
