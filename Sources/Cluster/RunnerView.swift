package import Core

/// A runner as the scheduler sees it, for snapshots, logs and tests.
package struct RunnerView: Sendable {
    package let id: RunnerID
    /// nil while only a frontend has spoken of it.
    package let description: RunnerDescription?
    package let isConnected: Bool
    package let isDraining: Bool
    /// Told to stop.
    package let isReleased: Bool
    /// Requests placed there, in that order.
    package let requests: [ClusterRequestID]
    /// Requests it reported beyond those.
    package let unknownRequests: Int
    /// Blocks that nothing is known to need.
    package let freeBlocks: Int
    package let residentAdapters: Set<AdapterDigest>
    /// The last report since it joined.
    package let report: RunnerReport?
    package let idleSince: Duration?
}

extension ClusterScheduler {
    /// All runners, by id.
    package var runnerViews: [RunnerView] {
        runnerSlots.sorted { $0.key < $1.key }.map { view(self[$0.value]) }
    }

    /// nil for a runner that is not known.
    package func runnerView(_ runner: RunnerID) -> RunnerView? { runnerSlots[runner].map { view(self[$0]) } }

    /// The runner that a request is placed on; nil if it waits or is not known.
    package func runner(of request: ClusterRequestID) -> RunnerID? {
        guard let slot = requestSlots[request], case .placed(let runner) = self[slot].place else { return nil }
        return self[runner].id
    }

    /// What is known of a request; nil if nothing is.
    package func request(_ id: ClusterRequestID) -> PlacementRequest? { requestSlots[id].map { self[$0].request } }

    /// Requests without a runner, first come first.
    package var waitingRequests: [ClusterRequestID] { (0..<line.count).map { self[line[$0]].request.id } }

    /// Machines asked for that have not joined yet.
    package var awaitedMachines: Int { awaited.reduce(0) { $0 + $1.count } }

    private func view(_ state: RunnerState) -> RunnerView {
        RunnerView(
            id: state.id,
            description: state.description,
            isConnected: state.isConnected,
            isDraining: state.isDraining,
            isReleased: state.isReleased,
            requests: state.workingSet.map { self[$0].request.id },
            unknownRequests: state.unknownRequests,
            freeBlocks: state.freeBlocks,
            residentAdapters: state.residentAdapters,
            report: state.report,
            idleSince: state.idleSince
        )
    }
}
