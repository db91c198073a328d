import JSON

/// What a pod's object says about the runner in it.
struct KubernetesPod {
    let name: String
    let uid: String
    private let value: JSONValue

    /// The pods of a list.
    static func parse(_ body: [UInt8], from request: String) throws(PoolError) -> [KubernetesPod] {
        guard let list = try? JSONValue(parsing: body), let items = list["items"]?.array else {
            let answer = String(decoding: body.prefix(200), as: UTF8.self)
            throw .invalidAnswer(from: request, reason: "not a list of pods", answer: answer)
        }
        return items.compactMap(KubernetesPod.init)
    }

    /// Nil for what has no name, which is no pod.
    private init?(_ value: JSONValue) {
        guard let name = value["metadata"]?["name"]?.string, let uid = value["metadata"]?["uid"]?.string else {
            return nil
        }
        self.value = value
        self.name = name
        self.uid = uid
    }

    /// Changes when the pod is made anew or its container is restarted.
    var incarnation: String { "\(uid).\(containers.reduce(0) { $0 + ($1["restartCount"]?.int ?? 0) })" }

    var state: PoolMachine.State {
        if value["metadata"]?["deletionTimestamp"]?.string != nil { return .ending }
        if let reason = failure { return .failed(reason: reason) }
        let isReady = containers.allSatisfy { $0["state"]?["running"] != nil }
        return phase == "Running" && isReady && !containers.isEmpty ? .running : .pending
    }

    private var phase: String? { value["status"]?["phase"]?.string }

    private var containers: [JSONValue] { statuses("containerStatuses") }

    /// Absent until the pod is on a node.
    private func statuses(_ list: String) -> [JSONValue] { value["status"]?[list]?.array ?? [] }

    /// Why it does not come up by itself; nil while it may.
    private var failure: String? {
        if phase == "Failed" { return value["status"]?["reason"]?.string ?? "Failed" }
        // While a container that comes first waits in vain, the others are said to be initializing.
        let all = statuses("initContainerStatuses") + containers
        let reasons = all.compactMap { $0["state"]?["waiting"]?["reason"]?.string }
        return reasons.first { $0 != "ContainerCreating" && $0 != "PodInitializing" }
    }
}
