import JSON
import Provisioning
import Synchronization

/// Behaves as an API server does towards the scale and the pods of one StatefulSet.
///
/// It computes what the server would; answers as whole as the server's own are in `KubernetesAnswers`.
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
        guard body["metadata"]?["name"]?.string == "runner" else {
            return refusal(400, "BadRequest", "the name is not the one of the path")
        }
        // Without a version the server writes over whatever is there.
        let version = body["metadata"]?["resourceVersion"]?.string ?? "\(state.version)"
        guard version == "\(state.version)" else { return refusal(409, "Conflict", "somebody else has written") }
        state.version += 1
        state.replicas = body["spec"]?["replicas"]?.int ?? -1
        return answer(scale(state))
    }

    private func refusal(_ code: Int, _ reason: String, _ message: String) -> KubernetesResponse {
        let status: JSONValue = [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure", "message": .string(message),
            "reason": .string(reason), "details": ["name": "runner", "group": "apps", "kind": "statefulsets"],
            "code": .integer(code),
        ]
        return answer(status, status: code)
    }

    private func scale(_ state: State) -> JSONValue {
        [
            "kind": "Scale", "apiVersion": "autoscaling/v1",
            "metadata": [
                "name": "runner", "namespace": "llm", "uid": "11b1", "resourceVersion": .string("\(state.version)"),
                "creationTimestamp": "2026-11-27T08:15:00Z",
            ],
            // The server leaves out a zero here, but not in the status.
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
        return [
            "kind": "PodList", "apiVersion": "v1", "metadata": ["resourceVersion": .string("\(state.version)")],
            "items": .array(items),
        ]
    }

    private func answer(_ value: JSONValue, status: Int = 200) -> KubernetesResponse {
        KubernetesResponse(status: status, body: value.encodedBytes())
    }
}
