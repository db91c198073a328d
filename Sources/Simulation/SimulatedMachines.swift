/// The machines of a simulated pool, and how long they were held and busy.
struct SimulatedMachines: Sendable {
    private struct Machine: Sendable {
        var isHeld = false
        var heldSince = 0
        var busySince: Int?
    }

    private var machines: [Machine]
    /// Held but not there yet, by when they will be.
    private var starting: [(ready: Int, machine: Int)] = []
    private var firstStarting = 0
    private var heldTime = 0
    private var busyTime = 0
    private(set) var heldCount = 0
    private(set) var busyCount = 0
    private(set) var peakHeld = 0

    init(count: Int) { machines = Array(repeating: Machine(), count: count) }

    /// When the next machine is there; nil if none is starting.
    var nextStart: Int? { firstStarting < starting.count ? starting[firstStarting].ready : nil }

    /// Takes machines from the pool, those of the highest numbers first; fewer if there are no more.
    ///
    /// - Parameter delay: the same in every call, so that machines come in the order they were asked for.
    mutating func acquire(_ count: Int, delay: Int, at now: Int) {
        var missing = count
        for machine in machines.indices.reversed() where missing > 0 && !machines[machine].isHeld {
            machines[machine].isHeld = true
            machines[machine].heldSince = now
            starting.append((now + delay, machine))
            heldCount += 1
            missing -= 1
        }
        peakHeld = max(peakHeld, heldCount)
    }

    mutating func takeStarted() -> Int {
        defer { firstStarting += 1 }
        return starting[firstStarting].machine
    }

    mutating func release(_ machine: Int, at now: Int) {
        precondition(machines[machine].isHeld && machines[machine].busySince == nil, "an idle machine is given back")
        machines[machine].isHeld = false
        heldTime += now - machines[machine].heldSince
        heldCount -= 1
    }

    mutating func note(_ machine: Int, isBusy: Bool, at now: Int) {
        guard isBusy != (machines[machine].busySince != nil) else { return }
        if let since = machines[machine].busySince {
            busyTime += now - since
            busyCount -= 1
            machines[machine].busySince = nil
        } else {
            busyCount += 1
            machines[machine].busySince = now
        }
    }

    /// Machine-hours until now: held at all, and with at least one request.
    func hours(at now: Int) -> (held: Double, busy: Double) {
        var (held, busy) = (heldTime, busyTime)
        for machine in machines where machine.isHeld {
            held += now - machine.heldSince
            if let since = machine.busySince { busy += now - since }
        }
        return (Double(held) / 3.6e12, Double(busy) / 3.6e12)
    }
}
