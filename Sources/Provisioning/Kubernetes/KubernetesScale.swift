import JSON

/// The `scale` of a StatefulSet: how many pods there should be, and which labels they have.
///
///     {"kind": "Scale", "metadata": {"resourceVersion": "17", ...}, "spec": {"replicas": 2},
///      "status": {"replicas": 2, "selector": "app=punica-runner"}}
struct KubernetesScale {
    private let value: JSONValue
    let replicas: Int
    /// Selects the pods.
    let selector: String

    init(parsing body: [UInt8], from request: String) throws(PoolError) {
        func invalid(_ reason: String) -> PoolError {
            .invalidAnswer(from: request, reason: reason, answer: String(decoding: body.prefix(200), as: UTF8.self))
        }
        guard let value = try? JSONValue(parsing: body), value["kind"]?.string == "Scale" else {
            throw invalid("not a Scale")
        }
        self.value = value
        // The server leaves a zero out.
        guard let replicas = (value["spec"]?["replicas"] ?? 0).int, replicas >= 0 else {
            throw invalid("spec.replicas is no count")
        }
        self.replicas = replicas
        selector = value["status"]?["selector"]?.string ?? ""
        guard !selector.isEmpty else { throw invalid("status.selector is missing") }
    }

    /// The same with another number of replicas.
    ///
    /// With the resource version in it, the server refuses it (409) if somebody else has changed the set meanwhile.
    func with(replicas: Int) -> [UInt8] {
        let scale: JSONValue = [
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": value["metadata"] ?? [:],
            "spec": ["replicas": .integer(replicas)],
        ]
        return scale.encodedBytes()
    }
}
