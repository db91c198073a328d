import Provisioning

/// Answers of an API server, with all that a real one carries.
///
/// Nothing here was recorded by us: there was no cluster. Each says from what public record or source it is known;
/// names, identifiers and texts are invented, line breaks added.
enum KubernetesAnswers {
    /// The server shows five members of the set's metadata in a scale and no more, no labels, no managed fields; it
    /// leaves out `spec.replicas` at zero, never `status.replicas` (the API server's registry of StatefulSets and its
    /// type `autoscaling/v1 Scale`, unchanged to 1.37). An answer ends with a line break.
    static func scale(_ replicas: Int, observed: Int, version: String, uid: String = KubernetesAnswers.uid)
        -> KubernetesResponse
    {
        let spec = replicas == 0 ? "" : #""replicas":\#(replicas)"#
        return json(
            #"""
            {"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"punica-runner","namespace":"punica",
            "uid":"\#(uid)","resourceVersion":"\#(version)","creationTimestamp":"2026-11-27T08:15:00Z"},
            "spec":{\#(spec)},"status":{"replicas":\#(observed),
            "selector":"app.kubernetes.io/component=runner,app.kubernetes.io/name=punica"}}

            """#
        )
    }

    static let uid = "5f1d7c9e-0a3b-4c55-9d56-2b8e6f0a7711"
    static let otherUID = "90c4b7aa-61e2-4b1f-8b0d-7f3a5e2c1d04"

    /// A write of a stale version (as end-to-end tests logged it in 2018, and the API machinery of 2026 builds it): the
    /// set's name in `details`, not the scale's.
    static let conflict = status(
        409,
        reason: "Conflict",
        details: #"{"name":"punica-runner","group":"apps","kind":"statefulsets"}"#
    )

    /// A set deleted and made anew since it was read is a conflict too, of UIDs (as operators log it, 2020 to 2024).
    static let recreated = status(
        409,
        reason: "Conflict",
        details: #"{"name":"punica-runner","group":"apps","kind":"statefulsets"}"#,
        message: "precondition failed: the UIDs differ"
    )

    /// An expired token (as clients that read theirs once got it an hour after 1.21 had made tokens expire).
    static let unauthorized = status(401, reason: "Unauthorized", details: nil)

    /// A role without the verb (as `kubectl scale` of a user without `statefulsets/scale` is told).
    static let forbidden = status(
        403,
        reason: "Forbidden",
        details: #"{"name":"punica-runner","group":"apps","kind":"statefulsets"}"#,
        message: #"statefulsets.apps \"punica-runner\" is forbidden"#
    )

    static let missing = status(
        404,
        reason: "NotFound",
        details: #"{"name":"punica-runner","group":"apps","kind":"statefulsets"}"#
    )

    /// Priority and fairness turns a request away in plain text, without a `Status`, and says for how many seconds, up
    /// to 32 (the API server's filter; a constant 1 in older ones). A server that stops answers the same with 5.
    static func tooBusy(retryAfter: Int) -> KubernetesResponse {
        KubernetesResponse(status: 429, retryAfter: .seconds(retryAfter), body: Array("Ask again later.\n".utf8))
    }

    /// A server that has just started has no list of pods yet (as clients of 1.32 log it): a `Status` this time.
    static let initializing = status(
        429,
        retryAfter: .seconds(1),
        reason: "TooManyRequests",
        details: #"{"retryAfterSeconds":1}"#
    )

    /// What the server does not know to classify has neither reason nor details; of a write nobody knows whether it
    /// went through (clients of 1.17 to 1.28 on a change of etcd's leader).
    static let leaderChanged = status(500, reason: nil, details: nil, message: "etcd has another leader")

    /// A server that stops (the API server's wait group filter).
    static let stopping = status(503, retryAfter: .seconds(1), reason: "ServiceUnavailable", details: nil)

    static func status(
        _ code: Int,
        retryAfter: Duration? = nil,
        reason: String?,
        details: String?,
        message: String = "this is why"
    ) -> KubernetesResponse {
        let reason = reason.map { #""reason":"\#($0)","# } ?? ""
        let details = details.map { #""details":\#($0),"# } ?? ""
        return json(
            #"""
            {"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"\#(message)",
            \#(reason)\#(details)"code":\#(code)}

            """#,
            status: code,
            retryAfter: retryAfter
        )
    }

    static func json(_ text: String, status: Int = 200, retryAfter: Duration? = nil) -> KubernetesResponse {
        KubernetesResponse(status: status, retryAfter: retryAfter, body: Array(text.utf8))
    }
}
