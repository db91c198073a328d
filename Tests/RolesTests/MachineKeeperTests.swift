import Logging
import Testing

@testable import Roles

struct MachineKeeperTests {
    private struct Refusal: Error {}

    /// How many are missing of three, and after how long that is told.
    private func missing(_ acquire: @escaping @Sendable (Int) async throws -> Int) async -> (Int, Duration) {
        let keeper = MachineKeeper(
            acquire: acquire,
            release: { _ in nil },
            pause: .milliseconds(100),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let start = ContinuousClock.now
        let count = await withCheckedContinuation { (continuation: CheckedContinuation<Int, Never>) in
            keeper.acquire(3) { continuation.resume(returning: $0) }
        }
        return (count, ContinuousClock.now - start)
    }

    @Test func `a pool that gave too little is left alone for a while`() async {
        let (missing, pause) = await missing { $0 - 1 }
        #expect(missing == 1)
        #expect(pause >= .milliseconds(100))
    }

    @Test func `a pool that failed is left alone for a while`() async {
        let (missing, pause) = await missing { _ in throw Refusal() }
        #expect(missing == 3)
        #expect(pause >= .milliseconds(100))
    }
}
