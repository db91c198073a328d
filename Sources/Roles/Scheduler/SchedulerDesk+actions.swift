import Cluster
import ClusterProtocol
import Core
import Logging

/// What follows from the scheduler's decisions.
extension SchedulerDesk {
    func act() {
        actions.removeAll(keepingCapacity: true)
        scheduler.takeActions(into: &actions)
        for action in actions {
            switch action {
            case .place(let request, let runner): tell(request, toBeOn: runner)
            case .move(let request, let source, let runner):
                journal.note(.migrated, source, to: runner, "request \(request) moved")
                tell(request, toBeOn: runner)
            case .refuse(let request): refuse(request)
            case .drain(let runner):
                journal.note(.draining, runner, "no more requests")
                runners[runner]?.orders.yield(.drain)
            case .release(let runner): release(runner)
            case .acquire(let count): acquire(count)
            }
        }
    }

    private func tell(_ id: ClusterRequestID, toBeOn runner: RunnerID) {
        guard let frontend = frontends[id.frontend], let attempt = frontend.attempts[id.request] else { return }
        guard let address = runners[runner]?.registration.address else { return }
        frontend.orders.yield(.place(id.request, attempt: attempt, on: runner, address: address))
    }

    private func refuse(_ id: ClusterRequestID) {
        guard let frontend = frontends[id.frontend], let attempt = frontend.attempts[id.request] else { return }
        frontend.orders.yield(.refuse(id.request, attempt: attempt))
    }

    private func release(_ id: RunnerID) {
        guard let runner = runners[id] else { return }
        logger.notice("runner released", metadata: ["runner": "\(id)"])
        journal.note(.released, id, "told to stop")
        runner.orders.yield(.stop)
        guard let machine = runner.registration.description.machine else { return }
        machines?.release(machine) { [weak self] other in await self?.drain(machine: other) }
    }

    private func drain(machine: String) {
        let there = runners.first { $0.value.registration.description.machine == machine }
        if let there { scheduler.drain(there.key, at: now) }
    }

    private func acquire(_ count: Int) {
        journal.note(.acquired, nil, "\(count) machines asked for")
        machines?.acquire(
            count,
            onGiven: { [weak self] in await self?.expect($0) },
            onMissing: { [weak self] in await self?.acquisitionFailed($0) }
        )
    }

    /// Some may have joined by now.
    private func expect(_ names: [String]) {
        comingMachines.formUnion(names)
        for runner in runners.values {
            if let machine = runner.registration.description.machine { comingMachines.remove(machine) }
        }
    }

    /// A machine ended, or cannot start; one whose runner has not joined is no longer counted on.
    func machineEnded(_ name: String) async {
        guard comingMachines.remove(name) != nil else { return }
        await machines?.rest()
        acquisitionFailed(1)
    }

    private func acquisitionFailed(_ count: Int) { scheduler.acquisitionFailed(count) }
}
