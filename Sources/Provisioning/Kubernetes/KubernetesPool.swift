/// Machines that Kubernetes lends: the pods of a StatefulSet, each with one runner and one GPU.
///
/// A pod's name is its machine's. The pool keeps nothing: the number of replicas says what was asked for. A StatefulSet
/// gives up its highest ordinal only, so that only that machine can be released; for any other the error names the one
/// to drain instead.
package struct KubernetesPool: GPUPool {
    /// How often a change is tried that crosses with others', and a request that the server is too busy for.
    private static let attempts = 5
    /// No server asks to be left alone for longer.
    private static let longestPause = Duration.seconds(32)

    private let configuration: KubernetesConfiguration
    private let transport: any KubernetesTransport
    private let sleep: @Sendable (Duration) async -> Void

    /// - Parameter sleep: waits, or returns early if the task is cancelled.
    package init(
        _ configuration: KubernetesConfiguration,
        transport: any KubernetesTransport,
        sleep: @escaping @Sendable (Duration) async -> Void = { try? await Task.sleep(for: $0) }
    ) {
        self.configuration = configuration
        self.transport = transport
        self.sleep = sleep
    }

    package func acquire(_ count: Int) async throws(PoolError) -> [String] {
        let range = try await change { (scale) throws(PoolError) in
            max(scale.replicas, min(scale.replicas + count, configuration.maxReplicas))
        }
        return range.map(configuration.pod)
    }

    package func release(_ machine: String) async throws(PoolError) {
        guard let ordinal = configuration.ordinal(machine) else { return }
        _ = try await change { (scale) throws(PoolError) in
            guard ordinal < scale.replicas else { return scale.replicas }
            guard ordinal == scale.replicas - 1 else {
                throw .releaseOutOfOrder(machine: machine, first: configuration.pod(scale.replicas - 1))
            }
            return ordinal
        }
    }

    package func machines() async throws(PoolError) -> [PoolMachine] {
        let scale = try await scale()
        let request = KubernetesRequest(.get, configuration.podsPath(selector: scale.selector))
        let pods = try KubernetesPod.parse(try await send(request).body, from: request.path)
        var machines: [Int: PoolMachine] = [:]
        for ordinal in 0..<scale.replicas {
            machines[ordinal] = PoolMachine(name: configuration.pod(ordinal), state: .pending, incarnation: "")
        }
        for pod in pods {
            guard let ordinal = configuration.ordinal(pod.name) else { continue }
            let state = ordinal < scale.replicas ? pod.state : .ending
            machines[ordinal] = PoolMachine(name: pod.name, state: state, incarnation: pod.incarnation)
        }
        return machines.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Sets the number of replicas to what `decide` makes of the present one.
    ///
    /// - Returns: the ordinals that were added.
    private func change(
        _ decide: (KubernetesScale) throws(PoolError) -> Int
    ) async throws(PoolError) -> Range<Int> {
        var attempt = 1
        while true {
            let scale = try await scale()
            let replicas = try decide(scale)
            if replicas == scale.replicas { return replicas..<replicas }
            let body = scale.with(replicas: replicas)
            do throws(PoolError) {
                _ = try await send(KubernetesRequest(.put, configuration.scalePath, body: body))
                return scale.replicas..<max(scale.replicas, replicas)
            } catch {
                if await isWritten(replicas, despite: error) { return scale.replicas..<max(scale.replicas, replicas) }
                guard case .refused(_, 409, _) = error, attempt < Self.attempts else { throw error }
                attempt += 1
            }
        }
    }

    /// Whether a write has gone through of which a server that failed, or did not answer, does not tell.
    ///
    /// Taken for lost, it would be made again on top of itself.
    private func isWritten(_ replicas: Int, despite error: PoolError) async -> Bool {
        switch error {
        case .unreachable, .refused(_, 500...599, _):
            let now = try? await scale()
            return now?.replicas == replicas
        default: return false
        }
    }

    private func scale() async throws(PoolError) -> KubernetesScale {
        let request = KubernetesRequest(.get, configuration.scalePath)
        return try KubernetesScale(parsing: try await send(request).body, from: request.path)
    }

    private func send(_ request: KubernetesRequest) async throws(PoolError) -> KubernetesResponse {
        var response = try await transport.send(request)
        for _ in 1..<Self.attempts where response.status == 429 {
            // The server has done nothing yet: even a write can be sent again.
            let pause = response.retryAfter ?? .seconds(1)
            await sleep(min(pause, Self.longestPause))
            response = try await transport.send(request)
        }
        guard (200..<300).contains(response.status) else {
            let what = "\(request.method.rawValue) \(request.path)"
            throw .refused(request: what, status: response.status, reason: response.failure)
        }
        return response
    }
}
