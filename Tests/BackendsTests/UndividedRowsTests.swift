import Testing

@testable import Backends

@Suite struct UndividedRowsTests {
    @Test func `products divide what is taken from where a norm was left, however often, and nothing else`() {
        var rows = UndividedRows()
        #expect(rows.epsilon(at: 64) == nil)
        rows.leave(at: 64, epsilon: 1e-5)
        #expect(rows.epsilon(at: 64) == 1e-5)
        #expect(rows.epsilon(at: 64) == 1e-5)
        #expect(rows.epsilon(at: 128) == nil)
    }

    @Test func `what is written over is divided no more, what is written elsewhere changes nothing`() {
        var rows = UndividedRows()
        rows.leave(at: 64, epsilon: 1e-5)
        rows.overwrite(128)
        #expect(rows.epsilon(at: 64) == 1e-5)
        rows.overwrite(64)
        #expect(rows.epsilon(at: 64) == nil)
        rows.leave(at: 128, epsilon: 1e-6)
        #expect(rows.epsilon(at: 128) == 1e-6)
    }

    @Test func `the norm after the next product takes the place of the one before`() {
        var rows = UndividedRows()
        rows.leave(at: 64, epsilon: 1e-5)
        rows.leave(at: 64, epsilon: 1e-6)
        #expect(rows.epsilon(at: 64) == 1e-6)
    }

    @Test func `norms in two places at a time are our own bug`() async {
        await #expect(processExitsWith: .failure) {
            var rows = UndividedRows()
            rows.leave(at: 64, epsilon: 1e-5)
            rows.leave(at: 128, epsilon: 1e-5)
        }
    }
}
