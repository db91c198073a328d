import Provisioning

/// Pods of the set in each of the states that a pool must tell apart.
extension KubernetesAnswers {
    /// Without `limit` the list is whole, whatever its length: no `continue`. Items have no `kind`, no `apiVersion`
    /// (documented for lists); an empty list is `[]` (recorded over plain HTTP in 2020).
    static func pods(_ items: String...) -> KubernetesResponse {
        json(
            #"""
            {"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"48211"},
            "items":[\#(items.joined(separator: ","))]}

            """#
        )
    }

    /// - Parameters:
    ///   - status: members of the pod's `status`.
    ///   - deletion: further members of its `metadata`, with a comma in front.
    static func pod(_ ordinal: Int, status: String, deletion: String = "") -> String {
        #"""
        {"metadata":{"name":"punica-runner-\#(ordinal)","generateName":"punica-runner-","namespace":"punica",
        "uid":"uid-\#(ordinal)","resourceVersion":"4820\#(ordinal)",
        "creationTimestamp":"2026-11-28T09:00:00Z"\#(deletion),
        "labels":{"app.kubernetes.io/component":"runner","app.kubernetes.io/name":"punica",
        "apps.kubernetes.io/pod-index":"\#(ordinal)","controller-revision-hash":"punica-runner-5c9d7f6b84",
        "statefulset.kubernetes.io/pod-name":"punica-runner-\#(ordinal)"},"annotations":{"example.org/note":"a"},
        "ownerReferences":[{"apiVersion":"apps/v1","kind":"StatefulSet","name":"punica-runner","uid":"\#(uid)",
        "controller":true,"blockOwnerDeletion":true}],
        "managedFields":[{"manager":"kube-controller-manager","operation":"Update","apiVersion":"v1",
        "time":"2026-11-28T09:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":{".":{}}}}}]},
        "spec":{"containers":[{"name":"runner","image":"punica","resources":{"limits":{"nvidia.com/gpu":"1"}}}],
        "restartPolicy":"Always","terminationGracePeriodSeconds":75,
        "hostname":"punica-runner-\#(ordinal)","subdomain":"punica-runner","securityContext":{"runAsUser":10001}},
        "status":{\#(status),"qosClass":"Burstable"}}
        """#
    }

    /// A container's status as the kubelet writes it: `restartCount` always, zero too; `lastState` empty at first.
    static func container(_ state: String, restarts: Int = 0, last: String = "{}") -> String {
        #"""
        {"name":"runner","state":\#(state),"lastState":\#(last),"ready":false,"restartCount":\#(restarts),
        "image":"punica:1","imageID":"","started":false}
        """#
    }

    static func waiting(_ reason: String) -> String { #"{"waiting":{"reason":"\#(reason)","message":"why"}}"# }

    static let running = #"{"running":{"startedAt":"2026-11-28T09:01:00Z"}}"#
    static let ended =
        #"{"terminated":{"exitCode":137,"reason":"OOMKilled","startedAt":"2026-11-28T09:01:00Z","#
        + #""finishedAt":"2026-11-28T09:02:00Z","containerID":"containerd://1"}}"#

    /// A container that was killed and runs again.
    static let restarted = pod(
        0,
        status: #""phase":"Running","hostIP":"10.0.0.1","podIP":"10.1.0.1","podIPs":[{"ip":"10.1.0.1"}],"#
            + #""startTime":"2026-11-28T09:00:01Z","conditions":[{"type":"Ready","status":"True","lastProbeTime":null,"#
            + #""lastTransitionTime":"2026-11-28T09:01:05Z"}],"containerStatuses":["#
            + container(running, restarts: 2, last: ended) + "]"
    )

    /// No node has a GPU to spare: there are no container statuses at all (optional in `v1 PodStatus`; it is the
    /// kubelet that writes them).
    static let unschedulable = pod(
        1,
        status: #""phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","lastProbeTime":null,"#
            + #""lastTransitionTime":"2026-11-28T09:00:00Z","reason":"Unschedulable","message":"too few GPUs"}]"#
    )

    static let creating = pod(2, status: statuses("Pending", container(waiting("ContainerCreating"))))

    /// The phase does not tell: a pod whose container crashes again and again is `Running` (an issue on 1.9, of a
    /// StatefulSet; still so).
    static let crashing = pod(
        3,
        status: statuses("Running", container(waiting("CrashLoopBackOff"), restarts: 5, last: ended))
    )

    /// Between a container's end and the kubelet's next attempt.
    static let justEnded = pod(4, status: statuses("Running", container(ended, restarts: 1)))

    /// A pod told to go is `Running` for all of its grace period (an answer to DELETE recorded in 2020).
    static let ending = pod(
        5,
        status: statuses("Running", container(running)),
        deletion: #","deletionTimestamp":"2026-11-28T10:01:15Z","deletionGracePeriodSeconds":75"#
    )

    static let evicted = pod(
        6,
        status: #""phase":"Failed","reason":"Evicted","message":"the node was low on memory""#
    )

    /// The container itself is only initializing (as real pods of 2026 were listed for another scheduler).
    static let initImageMissing = pod(
        7,
        status: statuses("Pending", container(waiting("PodInitializing")))
            + #","initContainerStatuses":["# + container(waiting("ErrImagePull")) + "]"
    )

    private static func statuses(_ phase: String, _ container: String) -> String {
        #""phase":"\#(phase)","containerStatuses":[\#(container)]"#
    }
}
