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
        /// How often the backend was asked how it is.
        let questions = Atomic(0)
    }

    /// When steps end, unless at once.
    final class End: Sendable {
        private let instant = Mutex<ContinuousClock.Instant?>(nil)

        var isPast: Bool { instant.withLock { $0.map { .now >= $0 } ?? true } }

        func set(to instant: ContinuousClock.Instant) { self.instant.withLock { $0 = instant } }
    }

    var device: CPUBackend
    private let broken: Switch?
    private let end: End?

    /// - Parameters:
    ///   - broken: nil for one that never breaks.
    ///   - end: nil for one whose steps end at once.
    init(_ device: consuming CPUBackend, broken: Switch?, end: End? = nil) {
        self.device = device
        self.broken = broken
        self.end = end
    }

    func hasSampled() throws(BackendError) -> Bool { end?.isPast ?? true }

    func checkHealth() throws(BackendError) {
        broken?.questions.add(1, ordering: .relaxed)
        if broken?.isOn.load(ordering: .relaxed) == true { throw BackendError("broken") }
    }
}
