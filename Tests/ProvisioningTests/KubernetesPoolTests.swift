import JSON
import Synchronization
import Testing

@testable import Provisioning

struct KubernetesPoolTests {
    private let server = FakeKubernetes()
    private let pool: KubernetesPool

    init() throws {
        let configuration = try KubernetesConfiguration(namespace: "llm", statefulSet: "runner", maxReplicas: 4)
        pool = KubernetesPool(configuration, transport: server)
    }

    private var replicas: Int { server.state.withLock { $0.replicas } }

    @Test func `machines are asked for by the number of replicas`() async throws {
        #expect(try await pool.acquire(2) == ["runner-0", "runner-1"])
        #expect(try await pool.acquire(1) == ["runner-2"])
        #expect(replicas == 3)
        let requests = server.state.withLock { $0.requests }
        let path = "/apis/apps/v1/namespaces/llm/statefulsets/runner/scale"
        #expect(requests.map(\.method) == [.get, .put, .get, .put])
        #expect(requests.allSatisfy { $0.path == path })
        let body = try JSONValue(parsing: requests[1].body)
        #expect(body["kind"] == "Scale")
        #expect(body["apiVersion"] == "autoscaling/v1")
        #expect(body["metadata"]?["name"] == "runner")
        #expect(body["metadata"]?["resourceVersion"] == "7")
        #expect(body["spec"] == ["replicas": 2])
    }

    @Test func `there are no more than the pool may have`() async throws {
        #expect(try await pool.acquire(9).count == 4)
        #expect(try await pool.acquire(1).isEmpty)
        // Somebody scaled it further by hand; the pool does not scale down for that.
        server.state.withLock { $0.replicas = 6 }
        #expect(try await pool.acquire(1).isEmpty)
        #expect(replicas == 6)
    }

    @Test func `only the highest ordinal can go, and the error says which to drain instead`() async throws {
        _ = try await pool.acquire(3)
        await #expect(throws: PoolError.releaseOutOfOrder(machine: "runner-0", first: "runner-2")) {
            try await pool.release("runner-0")
        }
        #expect(replicas == 3)
        try await pool.release("runner-2")
        #expect(replicas == 2)
        // Gone, never there, not ours: no error, no change.
        for name in ["runner-2", "runner-9", "runner-", "other-1", "runner-1x"] { try await pool.release(name) }
        #expect(replicas == 2)
    }

    @Test func `a change that crosses with another is made again on what is there then`() async throws {
        server.state.withLock { $0.conflicts = 2 }
        #expect(try await pool.acquire(1) == ["runner-2"])
        #expect(replicas == 3)
    }

    @Test func `a change that never gets through is an error`() async throws {
        server.state.withLock { $0.conflicts = 100 }
        let configuration = try KubernetesConfiguration(namespace: "llm", statefulSet: "runner", maxReplicas: 1000)
        await #expect {
            _ = try await KubernetesPool(configuration, transport: server).acquire(1)
        } throws: { error in
            if case PoolError.refused(_, 409, _) = error { true } else { false }
        }
        #expect(server.state.withLock { $0.requests.count { $0.method == .put } } == 5)
    }

    @Test func `a release that crosses with somebody's scaling up is refused`() async throws {
        _ = try await pool.acquire(2)
        server.state.withLock { $0.conflicts = 1 }
        await #expect(throws: PoolError.releaseOutOfOrder(machine: "runner-1", first: "runner-2")) {
            try await pool.release("runner-1")
        }
    }

    @Test func `pods tell what has become of the machines`() async throws {
        server.state.withLock { state in
            state.replicas = 6
            state.pods = [
                .init(name: "runner-0", restarts: 2), .init(name: "runner-1", phase: "Pending"),
                .init(name: "runner-2", phase: "Pending", waiting: "ImagePullBackOff"),
                .init(name: "runner-3", phase: "Failed", reason: "Evicted"),
                .init(name: "runner-4", isDeleted: true), .init(name: "runner-6"), .init(name: "runner-x"),
                .init(name: "runner-7", phase: "Pending", waiting: "ContainerCreating"),
            ]
        }
        let machines = try await pool.machines()
        #expect(
            machines.map(\.state) == [
                .running, .pending, .failed(reason: "ImagePullBackOff"), .failed(reason: "Evicted"), .ending, .pending,
                .ending, .ending,
            ]
        )
        #expect(machines.map(\.name) == (0..<8).map { "runner-\($0)" })
        #expect(machines[0].incarnation == "uid-runner-0.2")
        let path = server.state.withLock { $0.requests.last?.path }
        #expect(path == "/api/v1/namespaces/llm/pods?labelSelector=app%3Dpunica%2Cpart%20in%20%28runner%29")
    }

    @Test func `a restarted scheduler finds its machines`() async throws {
        _ = try await pool.acquire(2)
        let configuration = try KubernetesConfiguration(namespace: "llm", statefulSet: "runner", maxReplicas: 4)
        let later = KubernetesPool(configuration, transport: server)
        #expect(try await later.machines().map(\.name) == ["runner-0", "runner-1"])
        #expect(try await later.acquire(1) == ["runner-2"])
    }

    @Test(arguments: [
        (403, #"{"kind":"Status","message":"statefulsets.apps is forbidden"}"#), (200, "<html>"),
        (200, #"{"kind":"Pod"}"#),
        (200, #"{"kind":"Scale","spec":{"replicas":-1},"status":{"selector":"a=b"}}"#),
        (200, #"{"kind":"Scale","spec":{"replicas":1},"status":{}}"#),
    ])
    func `what a server should not answer is an error`(status: Int, body: String) async throws {
        server.state.withLock { $0.refusal = (status, body) }
        await #expect(throws: PoolError.self) { _ = try await pool.acquire(1) }
        await #expect(throws: PoolError.self) { _ = try await pool.machines() }
    }
}
