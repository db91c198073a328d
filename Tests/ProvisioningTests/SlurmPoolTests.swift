import Synchronization
import Testing

@testable import Provisioning

struct SlurmPoolTests {
    private let slurm = FakeSlurm()
    private let pool: SlurmPool

    init() throws { pool = SlurmPool(try Self.configuration(), commands: slurm) }

    private static func configuration(service: String = "llm", maxJobs: Int = 4) throws -> SlurmConfiguration {
        let runner = RunnerCommandLine(executable: "/opt/punica", arguments: ["runner", "--model", "it's $HOME here"])
        return try SlurmConfiguration(service: service, runner: runner, maxJobs: maxJobs)
    }

    @Test func `a job runs one runner with one GPU, told its machine's name`() async throws {
        var configuration = try Self.configuration()
        configuration.partition = "gpu"
        configuration.timeLimit = "1-00:00:00"
        configuration.logDirectory = "/shared/logs"
        configuration.options = ["--account=llm"]
        let name = try #require(try await SlurmPool(configuration, commands: slurm).acquire(1).first)
        let command = try #require(slurm.state.withLock { $0.commands.last })
        #expect(
            command == [
                "sbatch", "--parsable", "--requeue", "--gres=gpu:1", "--ntasks=1", "--job-name=\(name)",
                "--comment=punica:llm", "--open-mode=append", "--output=/shared/logs/%x.log", "--partition=gpu",
                "--time=1-00:00:00", "--account=llm",
            ]
        )
        let script = #"exec '/opt/punica' 'runner' '--model' 'it'\''s $HOME here' '--machine' '\#(name)'"#
        #expect(slurm.state.withLock { $0.scripts } == ["#!/bin/sh\n\(script)\n"])
    }

    @Test func `a runner is told the machine that Slurm chose`() async throws {
        let runner = RunnerCommandLine(executable: "echo", arguments: ["--advertise", "{host}:0 $x"])
        let configuration = try SlurmConfiguration(service: "llm", runner: runner, maxJobs: 1)
        let commands = SystemCommands()
        let host = try await commands.run(["hostname"], input: "").split(separator: "\n")[0]
        let said = try await commands.run(["sh"], input: configuration.script(machine: "m"))
        #expect(said == "--advertise \(host):0 $x --machine m\n")
    }

    @Test func `no more jobs are submitted than the pool may have`() async throws {
        #expect(try await pool.acquire(3).count == 3)
        let more = try await pool.acquire(3)
        #expect(more.count == 1)
        #expect(try await pool.acquire(1).isEmpty)
        // A job that ended makes room.
        slurm[more[0]]?.state = "NODE_FAIL"
        #expect(try await pool.acquire(2).count == 1)
    }

    @Test func `what was submitted before a refusal counts`() async throws {
        slurm.state.withLock { $0.failsFromJob = 12 }
        #expect(try await pool.acquire(4).count == 2)
        await #expect(throws: PoolError.self) { _ = try await pool.acquire(1) }
    }

    @Test(arguments: [
        ("PENDING", PoolMachine.State.pending), ("CONFIGURING", .pending), ("RUNNING", .running),
        ("COMPLETING", .ending), ("SUSPENDED", .running), ("FAILED", .failed(reason: "FAILED: NonZeroExitCode")),
        ("CANCELLED", .failed(reason: "CANCELLED: NonZeroExitCode")), ("COMPLETED", nil),
    ])
    func `a job's state is its machine's`(state: String, expected: PoolMachine.State?) async throws {
        let name = try #require(try await pool.acquire(1).first)
        slurm[name]?.state = state
        slurm[name]?.reason = "NonZeroExitCode"
        #expect(try await pool.machines().first?.state == expected)
    }

    @Test func `a machine that is given back is cancelled and then forgotten`() async throws {
        let names = try await pool.acquire(2)
        slurm[names[0]]?.state = "RUNNING"
        try await pool.release(names[0])
        #expect(slurm[names[0]]?.state == "CANCELLED")
        #expect(slurm[names[1]]?.state == "PENDING")
        #expect(try await pool.machines().map(\.name) == [names[1]])
        // Nobody knows it any more: no error, and nothing is cancelled twice.
        let cancelled = slurm.state.withLock { $0.commands.count { $0[0] == "scancel" } }
        try await pool.release(names[0])
        try await pool.release("llm-unknown")
        #expect(slurm.state.withLock { $0.commands.count { $0[0] == "scancel" } } == cancelled)
    }

    @Test func `a machine on its way out is ending, not failed`() async throws {
        let name = try #require(try await pool.acquire(1).first)
        slurm[name]?.state = "RUNNING"
        try await pool.release(name)
        slurm[name]?.state = "COMPLETING"
        #expect(try await pool.machines().first?.state == .ending)
    }

    @Test func `a requeued job comes back as a new incarnation of its machine`() async throws {
        let name = try #require(try await pool.acquire(1).first)
        slurm[name]?.state = "RUNNING"
        let first = try #require(try await pool.machines().first)
        slurm[name]?.state = "PENDING"
        slurm[name]?.restarts = 1
        slurm[name]?.reason = "BeginTime"
        #expect(try await pool.machines().first?.state == .pending)
        slurm[name]?.state = "RUNNING"
        let second = try #require(try await pool.machines().first)
        #expect(second.name == first.name)
        #expect(second.state == .running)
        #expect(second.incarnation != first.incarnation)
    }

    @Test func `a restarted scheduler finds its own jobs and nobody else's`() async throws {
        let names = try await pool.acquire(2)
        _ = try await SlurmPool(try Self.configuration(service: "llm-b"), commands: slurm).acquire(1)
        slurm.state.withLock { $0.jobs[99] = .init(name: "llm-mine", comment: "somebody else's") }
        let later = SlurmPool(try Self.configuration(), commands: slurm)
        #expect(try await later.machines().map(\.name) == names.sorted())
        try await later.release(names[0])
        #expect(slurm[names[0]]?.state == "CANCELLED")
    }

    @Test(arguments: ["no fields", "12|only|three", "x|a|RUNNING|0|None|punica:llm|"])
    func `an answer that is none of squeue's is an error`(answer: String) async throws {
        slurm.state.withLock { $0.squeueAnswer = answer }
        await #expect(throws: PoolError.self) { _ = try await pool.machines() }
    }

    @Test(arguments: ["", "Llm", "a b", "-a", "a-", "a;b", String(repeating: "a", count: 41)])
    func `a service's name is plain`(name: String) {
        #expect(throws: PoolError.self) { try Self.configuration(service: name) }
    }
}
