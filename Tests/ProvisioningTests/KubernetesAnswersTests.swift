import JSON
import Synchronization
import Testing

@testable import Provisioning

/// Gives answers in their order, nil for none.
private final class ScriptedKubernetes: KubernetesTransport {
    struct State {
        var answers: [KubernetesResponse?]
        var requests: [KubernetesRequest] = []
        var pauses: [Duration] = []
    }

    let state: Mutex<State>

    init(_ answers: [KubernetesResponse?]) { state = Mutex(State(answers: answers)) }

    func send(_ request: KubernetesRequest) async throws(PoolError) -> KubernetesResponse {
        let answer = state.withLock { state -> KubernetesResponse? in
            state.requests.append(request)
            return state.answers.isEmpty ? nil : state.answers.removeFirst()
        }
        guard let answer else { throw .unreachable(server: "script", reason: "no answer") }
        return answer
    }

    func sleep(_ pause: Duration) { state.withLock { $0.pauses.append(pause) } }
}

/// The pool against answers as a real server gives them.
struct KubernetesAnswersTests {
    private typealias Answers = KubernetesAnswers

    private func pool(_ answers: KubernetesResponse?...) throws -> (KubernetesPool, ScriptedKubernetes) {
        let server = ScriptedKubernetes(answers)
        let configuration = try KubernetesConfiguration(
            namespace: "punica",
            statefulSet: "punica-runner",
            maxReplicas: 8
        )
        return (KubernetesPool(configuration, transport: server) { server.sleep($0) }, server)
    }

    private func written(_ server: ScriptedKubernetes) throws -> [JSONValue] {
        let puts = server.state.withLock { $0.requests.filter { $0.method == .put } }
        return try puts.map { try JSONValue(parsing: $0.body) }
    }

    private struct Refusal: Equatable {
        let status: Int
        let reason: String
    }

    private func refusal(of action: () async throws -> Void) async -> Refusal? {
        do {
            try await action()
        } catch PoolError.refused(_, let status, let reason) {
            return Refusal(status: status, reason: reason)
        } catch {}
        return nil
    }

    @Test func `a set of no pods is scaled, with its metadata sent back as it came`() async throws {
        let (pool, server) = try pool(
            Answers.scale(0, observed: 0, version: "812"),
            Answers.scale(2, observed: 0, version: "815")
        )
        #expect(try await pool.acquire(2) == ["punica-runner-0", "punica-runner-1"])
        let body = try #require(try written(server).first)
        let read = try JSONValue(parsing: Answers.scale(0, observed: 0, version: "812").body)
        #expect(body["metadata"] == read["metadata"])
        #expect(body["metadata"]?["creationTimestamp"]?.string == "2026-11-27T08:15:00Z")
        #expect(body["spec"] == ["replicas": 2])
        #expect(body.object?.keys == ["apiVersion", "kind", "metadata", "spec"])
    }

    @Test func `what the set's controller writes meanwhile is no hindrance`() async throws {
        let (pool, server) = try pool(
            Answers.scale(1, observed: 0, version: "812"),
            Answers.conflict,
            Answers.scale(1, observed: 1, version: "813"),
            Answers.scale(2, observed: 1, version: "814")
        )
        #expect(try await pool.acquire(1) == ["punica-runner-1"])
        #expect(try written(server).map { $0["metadata"]?["resourceVersion"]?.string } == ["812", "813"])
        #expect(server.state.withLock { $0.pauses }.isEmpty)
    }

    @Test func `a set made anew is scaled in place of the one that was read`() async throws {
        let (pool, server) = try pool(
            Answers.scale(3, observed: 3, version: "812"),
            Answers.recreated,
            Answers.scale(0, observed: 0, version: "820", uid: Answers.otherUID),
            Answers.scale(1, observed: 0, version: "821", uid: Answers.otherUID)
        )
        #expect(try await pool.acquire(1) == ["punica-runner-0"])
        #expect(try written(server).map { $0["metadata"]?["uid"]?.string } == [Answers.uid, Answers.otherUID])
    }

    @Test func `a server that is too busy is asked again after as long as it says`() async throws {
        let (pool, server) = try pool(
            Answers.tooBusy(retryAfter: 4),
            Answers.scale(1, observed: 1, version: "812"),
            Answers.tooBusy(retryAfter: 900),
            KubernetesResponse(status: 429, body: []),
            Answers.scale(2, observed: 1, version: "813")
        )
        #expect(try await pool.acquire(1) == ["punica-runner-1"])
        #expect(server.state.withLock { $0.pauses } == [.seconds(4), .seconds(32), .seconds(1)])
        #expect(try written(server).count == 3)
    }

    @Test func `a server that stays too busy is an error`() async throws {
        let busy = Answers.tooBusy(retryAfter: 1)
        let (pool, server) = try pool(busy, busy, busy, busy, busy, busy)
        let refusal = await refusal { _ = try await pool.machines() }
        #expect(refusal == Refusal(status: 429, reason: "Ask again later."))
        #expect(server.state.withLock { $0.requests.count } == 5)
        #expect(server.state.withLock { $0.pauses.count } == 4)
    }

    @Test(arguments: [KubernetesAnswers.leaderChanged, nil, KubernetesAnswers.stopping])
    func `a write that went through unheard is not made twice`(answer: KubernetesResponse?) async throws {
        let (pool, server) = try pool(
            Answers.scale(1, observed: 1, version: "812"),
            answer,
            Answers.scale(3, observed: 1, version: "813")
        )
        #expect(try await pool.acquire(2) == ["punica-runner-1", "punica-runner-2"])
        #expect(try written(server).count == 1)
    }

    @Test func `a write that did not go through is an error`() async throws {
        let before = Answers.scale(1, observed: 1, version: "812")
        let (pool, _) = try pool(before, Answers.leaderChanged, before)
        let refusal = await refusal { _ = try await pool.acquire(2) }
        #expect(refusal == Refusal(status: 500, reason: "etcd has another leader"))
        // Nor is it known when the server does not come back.
        let (silent, _) = try self.pool(before, Answers.leaderChanged)
        let unknown = await self.refusal { _ = try await silent.acquire(2) }
        #expect(unknown?.status == 500)
    }

    @Test(arguments: [
        KubernetesAnswers.unauthorized, KubernetesAnswers.forbidden, KubernetesAnswers.missing,
        KubernetesAnswers.leaderChanged, KubernetesAnswers.stopping,
    ])
    func `a refusal says the server's reason`(answer: KubernetesResponse) async throws {
        let (pool, _) = try pool(answer)
        let refusal = await refusal { _ = try await pool.machines() }
        #expect(refusal?.status == answer.status)
        let reason = try #require(refusal?.reason)
        #expect(!reason.isEmpty)
        #expect(!reason.contains("{"))
    }

    @Test func `pods say what has become of the machines`() async throws {
        let (pool, server) = try pool(
            Answers.scale(8, observed: 8, version: "812"),
            Answers.initializing,
            Answers.pods(
                Answers.restarted,
                Answers.unschedulable,
                Answers.creating,
                Answers.crashing,
                Answers.justEnded,
                Answers.ending,
                Answers.evicted,
                Answers.initImageMissing
            )
        )
        let machines = try await pool.machines()
        #expect(
            machines.map(\.state) == [
                .running, .pending, .pending, .failed(reason: "CrashLoopBackOff"), .pending, .ending,
                .failed(reason: "Evicted"), .failed(reason: "ErrImagePull"),
            ]
        )
        #expect(machines.map(\.name) == (0..<8).map { "punica-runner-\($0)" })
        #expect(machines.map(\.incarnation) == [2, 0, 0, 5, 1, 0, 0, 0].enumerated().map { "uid-\($0).\($1)" })
        let path = server.state.withLock { $0.requests.last?.path }
        let selector = "app.kubernetes.io%2Fcomponent%3Drunner%2Capp.kubernetes.io%2Fname%3Dpunica"
        #expect(path == "/api/v1/namespaces/punica/pods?labelSelector=\(selector)")
    }

    @Test func `pods that are not there yet are pending`() async throws {
        let (pool, _) = try pool(Answers.scale(1, observed: 0, version: "812"), Answers.pods())
        #expect(try await pool.machines() == [PoolMachine(name: "punica-runner-0", state: .pending, incarnation: "")])
    }
}
