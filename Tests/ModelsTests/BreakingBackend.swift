import BackendFakes
import Backends
import Synchronization

/// The CPU's backend, but that it says it is broken once it is told to, and that its steps may take their time.
struct BreakingBackend: ForwardingBackend, ~Copyable {
    typealias Matrix = CPUBackend.Matrix
    typealias Vector = CPUBackend.Vector
    typealias Rows = CPUBackend.Rows

    /// What breaks a backend, from any thread.
    final class Switch: Sendable {
        let isOn = Atomic(false)
    }

    var device: CPUBackend
    private let broken: Switch?
    private let end: ContinuousClock.Instant

    /// - Parameters:
    ///   - broken: nil for one that never breaks.
    ///   - end: before which no step has ended.
    init(_ device: consuming CPUBackend, broken: Switch?, end: ContinuousClock.Instant = .now) {
        self.device = device
        self.broken = broken
        self.end = end
    }

    func hasSampled() throws(BackendError) -> Bool { .now >= end }

    func checkHealth() throws(BackendError) {
        if broken?.isOn.load(ordering: .relaxed) == true { throw BackendError("broken") }
    }
}
