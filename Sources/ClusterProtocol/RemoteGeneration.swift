package import Cluster
package import Core
package import Engine

/// A request as a frontend hands it to a runner.
package struct RemoteGeneration: Sendable, Equatable {
    package var id: ClusterRequestID
    /// Whom the frontend means to ask; another runner that has come to the same address refuses.
    package var runner: RunnerID
    package var prompt: [TokenID]
    /// Tokens that the client has already.
    package var generated: [TokenID]
    /// nil for the bare base.
    package var adapter: AdapterDigest?
    package var sampling: SamplingParameters
    package var stop: StopConditions

    package init(
        id: ClusterRequestID,
        runner: RunnerID,
        prompt: [TokenID],
        generated: [TokenID],
        adapter: AdapterDigest?,
        sampling: SamplingParameters,
        stop: StopConditions
    ) {
        self.id = id
        self.runner = runner
        self.prompt = prompt
        self.generated = generated
        self.adapter = adapter
        self.sampling = sampling
        self.stop = stop
    }
}

/// What a runner tells of a request.
package enum RemoteEvent: Sendable, Equatable {
    /// Nothing, but that the connection works.
    case alive
    case generation(GenerationEvent)
    /// The runner cannot have the adapter.
    case adapterUnavailable(reason: String)
}
