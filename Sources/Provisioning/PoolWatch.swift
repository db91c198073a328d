/// Follows a pool and tells what changes, for logs: why a machine does not come, or where it went.
package struct PoolWatch: Sendable {
    package enum Change: Sendable, Equatable {
        case appeared(PoolMachine)
        /// Another state, or another incarnation of the machine.
        case changed(PoolMachine, from: PoolMachine.State)
        case vanished(name: String)
        /// The pool does not answer; told once until it does again.
        case silent(PoolError)
    }

    private var known: [String: PoolMachine] = [:]
    private var isSilent = false

    package init() {}

    /// Compares with what was told before.
    package mutating func update(_ machines: [PoolMachine]) -> [Change] {
        isSilent = false
        let present = Dictionary(machines.map { ($0.name, $0) }) { $1 }
        var changes: [Change] = known.keys.filter { present[$0] == nil }.sorted().map { .vanished(name: $0) }
        for machine in machines where known[machine.name] != machine {
            changes.append(known[machine.name].map { .changed(machine, from: $0.state) } ?? .appeared(machine))
        }
        known = present
        return changes
    }

    package mutating func update(_ error: PoolError) -> [Change] {
        defer { isSilent = true }
        return isSilent ? [] : [.silent(error)]
    }

    /// Asks the pool until the task is cancelled.
    package static func run(
        _ pool: any GPUPool,
        every period: Duration,
        onChange: @Sendable (Change) -> Void
    ) async {
        var watch = PoolWatch()
        while !Task.isCancelled {
            let changes: [Change]
            do throws(PoolError) {
                changes = watch.update(try await pool.machines())
            } catch {
                changes = watch.update(error)
            }
            changes.forEach(onChange)
            try? await Task.sleep(for: period)
        }
    }
}

extension PoolWatch.Change {
    /// The machine that will not come, or come back, by itself.
    package var endedMachine: String? {
        switch self {
        case .appeared(let machine), .changed(let machine, from: _):
            if case .failed = machine.state { machine.name } else { nil }
        case .vanished(let name): name
        case .silent: nil
        }
    }
}

extension PoolWatch.Change: CustomStringConvertible {
    package var description: String {
        switch self {
        case .appeared(let machine): "machine \(machine.name) is \(machine.state)"
        case .changed(let machine, let from): "machine \(machine.name) was \(from) and is \(machine.state)"
        case .vanished(let name): "machine \(name) is gone"
        case .silent(let error): "the pool does not answer: \(error)"
        }
    }
}

extension PoolMachine.State: CustomStringConvertible {
    package var description: String {
        switch self {
        case .pending: "pending"
        case .running: "running"
        case .ending: "ending"
        case .failed(let reason): "failed (\(reason))"
        }
    }
}
