import Testing

@testable import Provisioning

struct PoolWatchTests {
    private func machine(_ name: String, _ state: PoolMachine.State, _ incarnation: String = "1") -> PoolMachine {
        PoolMachine(name: name, state: state, incarnation: incarnation)
    }

    @Test func `only what changes is told`() {
        var watch = PoolWatch()
        let (a, b) = (machine("a", .pending), machine("b", .running))
        #expect(watch.update([a, b]) == [.appeared(a), .appeared(b)])
        #expect(watch.update([a, b]).isEmpty)
        let started = machine("a", .running)
        #expect(watch.update([started, b]) == [.changed(started, from: .pending)])
        let again = machine("a", .running, "2")
        #expect(watch.update([again, b]) == [.changed(again, from: .running)])
        let failed = machine("a", .failed(reason: "NODE_FAIL"), "2")
        #expect(watch.update([failed]) == [.vanished(name: "b"), .changed(failed, from: .running)])
        #expect("\(watch.update([]))" == "[machine a is gone]")
    }

    @Test func `a pool that does not answer is told of once`() {
        var watch = PoolWatch()
        let error = PoolError.unreachable(server: "s", reason: "r")
        let a = machine("a", .running)
        #expect(watch.update([a]) == [.appeared(a)])
        #expect(watch.update(error) == [.silent(error)])
        #expect(watch.update(error).isEmpty)
        #expect(watch.update([a]).isEmpty)
        #expect(watch.update(error) == [.silent(error)])
    }
}
