package import Cluster
package import Core

/// A request as far as placing it goes, as its frontend tells it.
package struct PlacementQuery: Sendable, Equatable {
    package var request: RequestID
    /// Counts the times that the request asked for a place; orders for an earlier time are void.
    package var attempt: UInt32
    package var adapter: AdapterDigest?
    package var rank: Int
    package var adapterBytes: Int
    package var promptTokens: Int
    package var generatedTokens: Int
    package var maxTokens: Int
    /// How long ago the request arrived at its frontend.
    package var age: Duration
    package var whereabouts: Whereabouts

    /// Where the request is.
    package enum Whereabouts: Sendable, Equatable {
        case nowhere
        case on(RunnerID)
        /// Nowhere: the runner failed it or cannot be reached.
        case lost(RunnerID)
    }

    package init(
        request: RequestID,
        attempt: UInt32,
        adapter: AdapterDigest? = nil,
        rank: Int = 0,
        adapterBytes: Int = 0,
        promptTokens: Int,
        generatedTokens: Int,
        maxTokens: Int,
        age: Duration = .zero,
        whereabouts: Whereabouts = .nowhere
    ) {
        self.request = request
        self.attempt = attempt
        self.adapter = adapter
        self.rank = rank
        self.adapterBytes = adapterBytes
        self.promptTokens = promptTokens
        self.generatedTokens = generatedTokens
        self.maxTokens = maxTokens
        self.age = age
        self.whereabouts = whereabouts
    }

    /// What the scheduler's decisions need of it.
    package func placement(frontend: UInt64, at now: Duration) -> PlacementRequest {
        PlacementRequest(
            id: ClusterRequestID(frontend: frontend, request: request),
            adapter: adapter,
            rank: rank,
            adapterBytes: adapterBytes,
            promptTokens: promptTokens,
            generatedTokens: generatedTokens,
            maxTokens: maxTokens,
            arrival: now - age
        )
    }
}

/// What a frontend tells its scheduler: first who it is and all that it has open, then what changes.
package enum FrontendMessage: Sendable, Equatable {
    /// `frontend` is chosen at random by each process.
    case hello(frontend: UInt64, requests: [PlacementQuery])
    case submit(PlacementQuery)
    case ended(RequestID)
    /// Nothing, but that the connection works.
    case alive
}

/// What a scheduler tells a frontend.
package enum FrontendOrder: Sendable, Equatable {
    /// Be on this runner, leaving another one if there is one.
    case place(RequestID, attempt: UInt32, on: RunnerID, address: String)
    /// No runner is large enough.
    case refuse(RequestID, attempt: UInt32)
    /// The state of the cluster as JSON; comes once a second, so that silence means a broken network.
    case snapshot([UInt8])
}
