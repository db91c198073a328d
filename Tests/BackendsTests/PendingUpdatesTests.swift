import Testing

@testable import Backends

@Suite struct PendingUpdatesTests {
    /// An expectation calls no mutating function.
    private func takes(_ address: UInt64, _ pending: inout PendingUpdates) -> Bool { pending.take(of: address) }

    @Test func `the first reader of a product adds its updates, and nobody else`() {
        var pending = PendingUpdates()
        #expect(takes(64, &pending) == false)
        pending.leave(of: 64)
        #expect(takes(128, &pending) == false)
        #expect(takes(64, &pending) == true)
        #expect(takes(64, &pending) == false)
    }

    @Test func `a product that is written over has none, one that is written elsewhere keeps them`() {
        var pending = PendingUpdates()
        pending.leave(of: 64)
        pending.overwrite(128)
        #expect(takes(64, &pending) == true)
        pending.leave(of: 64)
        pending.overwrite(64)
        #expect(takes(64, &pending) == false)
    }

    @Test func `a look leaves them to the reader`() {
        var pending = PendingUpdates()
        pending.leave(of: 64)
        #expect(pending.areLeft(of: 64) && !pending.areLeft(of: 128))
        #expect(takes(64, &pending) == true)
        #expect(!pending.areLeft(of: 64))
    }

    @Test func `updates of two products at a time are our own bug`() async {
        await #expect(processExitsWith: .failure) {
            var pending = PendingUpdates()
            pending.leave(of: 64)
            pending.leave(of: 128)
        }
    }
}
