import Foundation
import Testing

@testable import Provisioning

/// Against a real Slurm with four GPUs, which `scripts/cluster/slurm.sh` starts; runners are replaced by `sleep`.
@Suite(
    .enabled(if: ProcessInfo.processInfo.environment["PUNICA_TEST_SLURM"] != nil),
    .serialized,
    .timeLimit(.minutes(5))
)
struct SlurmLiveTests {
    private let commands = SystemCommands()
    private let configuration: SlurmConfiguration
    private let pool: SlurmPool

    init() throws {
        let runner = RunnerCommandLine(executable: "/bin/sh", arguments: ["-c", "exec sleep 600", "runner"])
        let service = "t" + String(UInt32.random(in: .min ... .max), radix: 36)
        configuration = try SlurmConfiguration(service: service, runner: runner, maxJobs: 5)
        pool = SlurmPool(configuration, commands: commands)
    }

    /// Waits until the machines' states are these, in any order.
    private func wait(_ expected: PoolMachine.State...) async throws {
        let wanted = expected.map { "\($0)" }.sorted()
        while try await pool.machines().map({ "\($0.state)" }).sorted() != wanted {
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// What `squeue` itself says of this test's jobs.
    private func queue() async throws -> [String] {
        let lines = try await commands.run(["squeue", "--noheader", "--format=%j %T"], input: "")
        return lines.split(separator: "\n").map(String.init).filter { $0.hasPrefix(configuration.service) }.sorted()
    }

    private func job(_ machine: PoolMachine) throws -> String {
        String(try #require(machine.incarnation.split(separator: ".").first))
    }

    @Test func `jobs appear when acquired, wait when there are no more GPUs, and go when released`() async throws {
        let names = try await pool.acquire(9)
        #expect(names.count == 5)
        try await wait(.running, .running, .running, .running, .pending)
        #expect(try await queue().count == 5)
        let running = try #require(try await pool.machines().first { $0.state == .running })
        try await pool.release(running.name)
        // Its GPU goes to the one that waited.
        try await wait(.running, .running, .running, .running)
        #expect(try await queue() == names.filter { $0 != running.name }.map { $0 + " RUNNING" }.sorted())
        for name in names { try await pool.release(name) }
        try await wait()
        while try await !queue().isEmpty { try await Task.sleep(for: .milliseconds(200)) }
    }

    @Test func `a requeued job is the next incarnation of its machine`() async throws {
        let names = try await pool.acquire(1)
        try await wait(.running)
        let first = try await pool.machines()[0]
        _ = try await commands.run(["scontrol", "requeue", try job(first)], input: "")
        try await wait(.pending)
        // Slurm lets a requeued job rest for two minutes.
        _ = try await commands.run(["scontrol", "update", "JobId=\(try job(first))", "StartTime=now"], input: "")
        try await wait(.running)
        let second = try await pool.machines()[0]
        #expect(second.name == first.name)
        #expect(second.incarnation != first.incarnation)
        try await pool.release(names[0])
        try await wait()
    }

    @Test func `a job that others cancel is reported, and another can be had`() async throws {
        let names = try await pool.acquire(2)
        try await wait(.running, .running)
        let victim = try #require(try await pool.machines().first { $0.name == names[0] })
        _ = try await commands.run(["scancel", try job(victim)], input: "")
        try await wait(.failed(reason: "CANCELLED"), .running)
        let more = try await pool.acquire(1)
        try await wait(.failed(reason: "CANCELLED"), .running, .running)
        for name in more + names { try await pool.release(name) }
        while try await !queue().isEmpty { try await Task.sleep(for: .milliseconds(200)) }
    }

    @Test func `a restarted scheduler finds its jobs and can give them back`() async throws {
        let names = try await pool.acquire(2)
        try await wait(.running, .running)
        let later = SlurmPool(configuration, commands: commands)
        #expect(try await later.machines().map(\.name) == names.sorted())
        for name in names { try await later.release(name) }
        while try await !queue().isEmpty { try await Task.sleep(for: .milliseconds(200)) }
    }
}
