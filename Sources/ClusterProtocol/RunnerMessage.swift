package import Cluster

/// What a runner says of itself when it comes to a scheduler.
package struct RunnerRegistration: Sendable, Equatable {
    package var description: RunnerDescription
    /// Grows with every registration of the runner, so that an old one sent again is told apart.
    package var incarnation: UInt64
    /// Where frontends reach the runner: `HOST:PORT`.
    package var address: String
    /// Runners of one cluster serve one model.
    package var model: String

    package init(description: RunnerDescription, incarnation: UInt64, address: String, model: String) {
        self.description = description
        self.incarnation = incarnation
        self.address = address
        self.model = model
    }
}

/// What a runner tells its scheduler: first a registration, then reports.
package enum RunnerMessage: Sendable, Equatable {
    case registration(RunnerRegistration)
    /// `isDraining`: the runner was told to end and is to get no new requests.
    case report(RunnerReport, isDraining: Bool)
}

/// What a scheduler tells a runner.
package enum RunnerOrder: Sendable, Equatable {
    /// Nothing, but that the connection works.
    case alive
    /// It gets no more requests.
    case drain
    /// End the process: it serves nobody.
    case stop
}
