package import Core

/// What placement needs to know of a request.
package struct PlacementRequest: Sendable, Equatable {
    package var id: ClusterRequestID
    /// nil for the base.
    package var adapter: AdapterDigest?
    /// The adapter's largest rank; 0 for the base.
    package var rank: Int
    /// The adapter's size on a device; 0 for the base.
    package var adapterBytes: Int
    package var promptTokens: Int
    /// Tokens that the client has already; the scheduler keeps it up to date by `progress`.
    package var generatedTokens: Int
    /// The bound of `generatedTokens`.
    package var maxTokens: Int
    /// When the request came into the cluster, on the scheduler's clock: what "first come" means, also after a resume.
    package var arrival: Duration

    package init(
        id: ClusterRequestID,
        adapter: AdapterDigest?,
        rank: Int,
        adapterBytes: Int,
        promptTokens: Int,
        generatedTokens: Int = 0,
        maxTokens: Int,
        arrival: Duration
    ) {
        self.id = id
        self.adapter = adapter
        self.rank = rank
        self.adapterBytes = adapterBytes
        self.promptTokens = promptTokens
        self.generatedTokens = generatedTokens
        self.maxTokens = maxTokens
        self.arrival = arrival
    }

    /// What a prefill computes when the request starts anywhere anew.
    package var tokens: Int { promptTokens + generatedTokens }
}
