import JSON
import Provisioning
import Synchronization

/// Behaves as an API server does towards the scale and the pods of one StatefulSet.
///
/// The objects have the fields that Kubernetes 1.31 documents for `autoscaling/v1 Scale`, `v1 PodList` and `v1 Status`.
final class FakeKubernetes: KubernetesTransport {
    struct Pod {
        let name: String
        var phase = "Running"
        var isDeleted = false
        var restarts = 0
        /// A reason why the container waits.
        var waiting: String?
        var reason: String?
    }

    struct State {
        var replicas = 0
        var version = 7
        var pods: [Pod] = []
        var requests: [KubernetesRequest] = []
        /// How many writes somebody else's cross with.
        var conflicts = 0
        /// Answered to everything.
        var refusal: (status: Int, body: String)?
    }

    let state = Mutex(State())

    func send(_ request: KubernetesRequest) async throws(PoolError) -> KubernetesResponse {
        state.withLock { state in
            state.requests.append(request)
            if let refusal = state.refusal {
                return KubernetesResponse(status: refusal.status, body: Array(refusal.body.utf8))
            }
            if request.path.contains("/pods?") { return answer(pods(state)) }
            return request.method == .put ? put(request, &state) : answer(scale(state))
        }
    }

    private func put(_ request: KubernetesRequest, _ state: inout State) -> KubernetesResponse {
        if state.conflicts > 0 {
            state.conflicts -= 1
            state.version += 1
            state.replicas += 1
        }
        let body = (try? JSONValue(parsing: request.body)) ?? nil
        guard body["metadata"]?["resourceVersion"]?.string == "\(state.version)" else {
            return answer(
                [
                    "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure", "code": 409,
                    "message":
                        "Operation cannot be fulfilled on statefulsets.apps \"runner\": the object has been modified",
                    "reason": "Conflict",
                ],
                status: 409
            )
        }
        state.version += 1
        state.replicas = body["spec"]?["replicas"]?.int ?? -1
        return answer(scale(state))
    }

    private func scale(_ state: State) -> JSONValue {
        [
            "kind": "Scale", "apiVersion": "autoscaling/v1",
            "metadata": [
                "name": "runner", "namespace": "llm", "uid": "11b1", "resourceVersion": .string("\(state.version)"),
            ],
            // Go leaves out a zero here.
            "spec": state.replicas == 0 ? [:] : ["replicas": .integer(state.replicas)],
            "status": ["replicas": .integer(state.pods.count), "selector": "app=punica,part in (runner)"],
        ]
    }

    private func pods(_ state: State) -> JSONValue {
        let items = state.pods.map { pod -> JSONValue in
            var metadata: [(String, JSONValue)] = [("name", .string(pod.name)), ("uid", .string("uid-" + pod.name))]
            if pod.isDeleted { metadata.append(("deletionTimestamp", "2026-11-28T00:00:00Z")) }
            var status: [(String, JSONValue)] = [("phase", .string(pod.phase))]
            if let reason = pod.reason { status.append(("reason", .string(reason))) }
            if pod.phase == "Running" || pod.waiting != nil {
                let state: JSONValue = pod.waiting.map { ["waiting": ["reason": .string($0)]] } ?? ["running": [:]]
                status.append(
                    ("containerStatuses", [["name": "runner", "restartCount": .integer(pod.restarts), "state": state]])
                )
            }
            return ["metadata": .object(JSONObject(metadata)), "status": .object(JSONObject(status))]
        }
        return ["kind": "PodList", "apiVersion": "v1", "metadata": [:], "items": .array(items)]
    }

    private func answer(_ value: JSONValue, status: Int = 200) -> KubernetesResponse {
        KubernetesResponse(status: status, body: value.encodedBytes())
    }
}
