import Foundation
import TestSupport
import Testing

@testable import Provisioning

@Suite(.timeLimit(.minutes(10)))
struct LocalPoolTests {
    private let folder: TemporaryFolder
    private var directory: String { folder.path }
    /// Differs for each test: machines are found by name in the whole system.
    private let service = "t" + String(UInt32.random(in: .min ... .max), radix: 36)

    init() throws {
        folder = try TemporaryFolder()
    }

    /// A pool whose runners run a shell script; `$2` in it is the machine's name.
    private func pool(
        _ script: String = "while :; do sleep 0.1; done",
        slots: [String?] = [nil, nil, nil],
        grace: Duration = .seconds(20)
    ) throws -> LocalPool {
        let runner = RunnerCommandLine(
            executable: "/bin/sh",
            arguments: ["-c", "cd \(directory)\n\(script)", "runner"]
        )
        var configuration = try LocalPoolConfiguration(service: service, runner: runner, slots: slots, grace: grace)
        configuration.logDirectory = directory
        return LocalPool(configuration)
    }

    private func states(_ pool: LocalPool) async throws -> [String: PoolMachine.State] {
        Dictionary(uniqueKeysWithValues: try await pool.machines().map { ($0.name, $0.state) })
    }

    private func wait(_ condition: () async throws -> Bool) async throws {
        while try await !condition() { try await Task.sleep(for: .milliseconds(10)) }
    }

    private func text(_ name: String) -> String? {
        FileManager.default.contents(atPath: directory + "/" + name).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `there are as many machines as slots, each with its own GPU`() async throws {
        let pool = try pool("echo \"gpu $CUDA_VISIBLE_DEVICES\"; while :; do sleep 0.1; done", slots: ["2", "5"])
        #expect(try await pool.acquire(1) == ["\(service)-0"])
        #expect(try await pool.acquire(5) == ["\(service)-1"])
        #expect(try await pool.acquire(1).isEmpty)
        #expect(try await states(pool) == ["\(service)-0": .running, "\(service)-1": .running])
        try await wait { text("\(service)-0.log") == "gpu 2\n" && text("\(service)-1.log") == "gpu 5\n" }
        try await pool.releaseAll()
        #expect(try await pool.machines().isEmpty)
    }

    @Test func `a machine that is given back ends and can be had again`() async throws {
        let pool = try pool()
        let name = try #require(try await pool.acquire(1).first)
        let first = try await pool.machines()[0].incarnation
        try await pool.release(name)
        try await pool.release(name)
        try await wait { try await pool.machines().isEmpty }
        #expect(try await pool.acquire(1) == [name])
        #expect(try await pool.machines()[0].incarnation != first)
        try await pool.releaseAll()
    }

    @Test func `a runner that ignores SIGTERM is killed after its grace`() async throws {
        let pool = try pool("trap '' TERM; touch ready; while :; do sleep 0.1; done", grace: .milliseconds(300))
        let name = try #require(try await pool.acquire(1).first)
        try await wait { text("ready") != nil }
        try await pool.release(name)
        try await Task.sleep(for: .milliseconds(100))
        #expect(try await states(pool) == [name: .ending])
        try await wait { try await pool.machines().isEmpty }
    }

    @Test func `an end that nobody asked for is reported until the machine is acquired again`() async throws {
        let pool = try pool("test -e second && while :; do sleep 0.1; done; touch second; exit 3")
        let name = try #require(try await pool.acquire(1).first)
        try await wait { try await states(pool)[name] == .failed(reason: "exited(3)") }
        #expect(try await pool.acquire(1) == [name])
        #expect(try await states(pool) == [name: .running])
        try await pool.releaseAll()
    }

    @Test func `a runner that is killed is reported, one that ends well is not`() async throws {
        let pool = try pool("case $2 in *-0) kill -9 $$;; *) exit 0;; esac")
        _ = try await pool.acquire(2)
        try await wait { try await states(pool) == ["\(service)-0": .failed(reason: "signaled(9)")] }
    }

    @Test func `a restarted scheduler goes on with the runners that it finds`() async throws {
        let first = try pool()
        let names = try await first.acquire(2)
        let second = try pool()
        #expect(try await states(second) == [names[0]: .running, names[1]: .running])
        #expect(try await second.acquire(2) == ["\(service)-2"])
        try await second.release(names[0])
        try await wait { try await states(second)[names[0]] == nil }
        // What ends by itself is a failure for both.
        let pid = try #require(Int32(try await second.machines().first { $0.name == names[1] }?.incarnation ?? ""))
        kill(pid, SIGKILL)
        try await wait { if case .failed = try await states(second)[names[1]] { true } else { false } }
        try await second.releaseAll()
        try await first.releaseAll()
    }

    @Test func `a program that is not there is an error and takes no slot`() async throws {
        let runner = RunnerCommandLine(executable: directory + "/nothing", arguments: [])
        let pool = LocalPool(try LocalPoolConfiguration(service: service, runner: runner, slots: [nil]))
        for _ in 0..<2 { await #expect(throws: PoolError.self) { _ = try await pool.acquire(1) } }
        #expect(try await pool.machines().isEmpty)
    }

    @Test(
        arguments: [
            (2, nil, ["0", "1"]), (2, "3, 5", ["3", "5"]), (1, "3,wrong", ["3"]), (0, "0", []),
            (2, "GPU-a,GPU-b,GPU-c", ["GPU-a", "GPU-b"]),
        ] as [(Int, String?, [String])]
    )
    func `there is one slot for each GPU that this process sees`(count: Int, visible: String?, slots: [String]) {
        #expect(LocalPoolConfiguration.gpuSlots(count: count, visible: visible) == slots)
    }

    @Test func `a pool without slots is refused`() {
        let runner = RunnerCommandLine(executable: "x", arguments: [])
        #expect(throws: PoolError.self) { try LocalPoolConfiguration(service: "a", runner: runner, slots: []) }
    }
}
