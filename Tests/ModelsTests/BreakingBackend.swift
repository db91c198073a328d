import BackendFakes
import Backends
import Synchronization

/// The CPU's backend, but that it says it is broken once it is told to.
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

    /// - Parameter broken: nil for one that never breaks.
    init(_ device: consuming CPUBackend, broken: Switch?) {
        self.device = device
        self.broken = broken
    }

    func checkHealth() throws(BackendError) {
        if broken?.isOn.load(ordering: .relaxed) == true { throw BackendError("broken") }
    }
}
