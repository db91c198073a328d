#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Runner processes on this machine, one for each slot: a GPU, or a share of the CPU.
///
/// Runners outlive this process: a restarted scheduler finds them again by their command lines and goes on with them.
package actor LocalPool: GPUPool {
    private struct Runner {
        let identity: ProcessIdentity
        /// Whether this process started it and will be told of its end.
        let isChild: Bool
        var isEnding = false
    }

    private let configuration: LocalPoolConfiguration
    private var runners: [String: Runner] = [:]
    /// Machines that are being started.
    private var starting: Set<String> = []
    /// Machines whose last runner ended without having been told to.
    private var failures: [String: PoolMachine] = [:]

    /// Takes over runners that an earlier scheduler left.
    package init(_ configuration: LocalPoolConfiguration) {
        self.configuration = configuration
        let names = Set(configuration.slots.indices.map(configuration.machine))
        runners = ProcessIdentity.machines(named: names.contains).mapValues { Runner(identity: $0, isChild: false) }
    }

    package func acquire(_ count: Int) async throws(PoolError) -> [String] {
        forgetEnded()
        var names: [String] = []
        for slot in configuration.slots.indices where names.count < count {
            let name = configuration.machine(slot)
            guard runners[name] == nil, starting.insert(name).inserted else { continue }
            defer { starting.remove(name) }
            do throws(PoolError) {
                try await start(name, configuration.slots[slot])
                names.append(name)
            } catch {
                guard !names.isEmpty else { throw error }
                return names
            }
        }
        return names
    }

    package func release(_ machine: String) async throws(PoolError) {
        forgetEnded()
        failures[machine] = nil
        guard let runner = runners[machine], !runner.isEnding else { return }
        runners[machine]?.isEnding = true
        runner.identity.send(SIGTERM)
        Task { [grace = configuration.grace] in
            try? await Task.sleep(for: grace)
            // Does nothing if it has ended, even if another process has its number now.
            if runners[machine]?.identity == runner.identity { runner.identity.send(SIGKILL) }
        }
    }

    package func machines() async throws(PoolError) -> [PoolMachine] {
        forgetEnded()
        let live = runners.map { name, runner in
            PoolMachine(name: name, state: runner.isEnding ? .ending : .running, incarnation: "\(runner.identity.pid)")
        }
        return (live + failures.values).sorted { $0.name < $1.name }
    }

    /// Gives every machine back and waits until all have ended.
    package func releaseAll() async throws(PoolError) {
        for name in runners.keys { try await release(name) }
        while !runners.isEmpty {
            forgetEnded()
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    private func start(_ name: String, _ slot: LocalPoolConfiguration.Slot) async throws(PoolError) {
        failures[name] = nil
        try await ChildProcess.start(
            configuration.runner.words(machine: name),
            environment: slot.map { ["CUDA_VISIBLE_DEVICES": $0] } ?? [:],
            log: configuration.logDirectory.map { "\($0)/\(name).log" },
            onStart: { [self] pid in await started(name, pid) },
            onEnd: { [self] failure in await ended(name, failure) }
        )
    }

    private func started(_ name: String, _ pid: Int32) {
        runners[name] = Runner(identity: ProcessIdentity(pid: pid), isChild: true)
    }

    private func ended(_ name: String, _ failure: String?) {
        guard let runner = runners.removeValue(forKey: name) else { preconditionFailure("\(name) ended twice") }
        if let failure, !runner.isEnding { fail(name, runner, failure) }
    }

    /// Forgets taken-over runners that have ended; how, nobody tells.
    private func forgetEnded() {
        for (name, runner) in runners where !runner.isChild && !runner.identity.isAlive {
            runners[name] = nil
            if !runner.isEnding { fail(name, runner, "ended, started by an earlier scheduler") }
        }
    }

    private func fail(_ name: String, _ runner: Runner, _ reason: String) {
        failures[name] = PoolMachine(
            name: name,
            state: .failed(reason: reason),
            incarnation: "\(runner.identity.pid)"
        )
    }
}
