import CUDA

/// Which runners run on this machine, and how.
package struct LocalPoolConfiguration: Sendable, Equatable {
    /// What one runner may see of the machine's GPUs: a value of `CUDA_VISIBLE_DEVICES`, or nil for a runner on the CPU.
    package typealias Slot = String?

    /// Begins the names of this cluster's machines: two clusters on one machine must differ.
    package var service: String
    package var runner: RunnerCommandLine
    package var slots: [Slot]
    /// Time for a runner to end after SIGTERM before it is killed.
    package var grace: Duration
    /// Where each machine's output is appended to `<machine>.log`; nil gives it to this process's.
    package var logDirectory: String?

    package init(
        service: String,
        runner: RunnerCommandLine,
        slots: [Slot],
        grace: Duration = .seconds(40)
    ) throws(PoolError) {
        try ServiceName.check(service)
        guard !slots.isEmpty else {
            throw .invalidConfiguration(field: "pool size", bound: "at least 1", value: "0")
        }
        self.service = service
        self.runner = runner
        self.slots = slots
        self.grace = grace
    }

    func machine(_ slot: Int) -> String { "\(service)-\(slot)" }

    /// One slot for each GPU that this process sees; none if there is no driver.
    ///
    /// - Parameter visible: this process's own `CUDA_VISIBLE_DEVICES`.
    package static func gpuSlots(visible: String?) -> [Slot] {
        gpuSlots(count: (try? Driver().deviceCount()) ?? 0, visible: visible)
    }

    static func gpuSlots(count: Int, visible: String?) -> [Slot] {
        let names = visible?.split(separator: ",").map { $0.filter { $0 != " " } } ?? []
        // The driver counts up to the first name that it does not know; the others are not there.
        return (0..<count).map { names.isEmpty ? String($0) : $0 < names.count ? names[$0] : nil }.filter { $0 != nil }
    }
}
