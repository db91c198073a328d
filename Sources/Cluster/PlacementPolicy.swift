/// Chooses among the fullest runners that have room for a request.
///
/// The scheduler offers candidates in the paper's order: largest working set first, then highest id. The candidate of the
/// least cost gets the request; of equal costs, the first offered.
package protocol PlacementPolicy: Sendable {
    /// What the command line calls it.
    var name: String { get }
    /// How many candidates it wants to see; 1 takes the paper's order as it is.
    var candidateLimit: Int { get }

    func cost(of request: PlacementRequest, on candidate: PlacementCandidate) -> Int
}

/// A runner with room for a request.
package struct PlacementCandidate: Sendable, Equatable {
    /// Requests it has.
    package var workingSet: Int
    /// How many requests fewer it has than the first candidate.
    package var behind: Int
    /// Whether one of its requests has the same adapter, or the request has none.
    package var isAdapterInUse: Bool
    /// Whether the adapter need not be loaded, or the request has none.
    package var isAdapterResident: Bool
    /// The ranks of the different adapters that its requests use, added up.
    package var rankSum: Int

    package init(workingSet: Int, behind: Int, isAdapterInUse: Bool, isAdapterResident: Bool, rankSum: Int) {
        self.workingSet = workingSet
        self.behind = behind
        self.isAdapterInUse = isAdapterInUse
        self.isAdapterResident = isAdapterResident
        self.rankSum = rankSum
    }
}

/// Punica section 5.1: the largest working set, the highest id of equals, whatever the adapter.
package struct PaperPolicy: PlacementPolicy {
    package let name = "paper"
    package let candidateLimit = 1

    package init() {}

    package func cost(of request: PlacementRequest, on candidate: PlacementCandidate) -> Int { 0 }
}

/// Among runners nearly as full as the fullest, one where the adapter is in use, else one where it is resident.
package struct AdapterAffinePolicy: PlacementPolicy {
    package let name = "adapter-affine"
    package let candidateLimit = 16
    /// How many requests fewer than the fullest a runner may have to be preferred.
    package var slack = 8

    package init() {}

    package func cost(of request: PlacementRequest, on candidate: PlacementCandidate) -> Int {
        guard candidate.behind <= slack else { return 3 }
        return candidate.isAdapterInUse ? 0 : candidate.isAdapterResident ? 1 : 2
    }
}

/// Among runners nearly as full as the fullest, the one whose batch the request slows down least.
///
/// A decode step reads each different adapter of its batch once, in time proportional to its rank. The cost is by how much
/// the sum of these waits over all requests of the batch grows: everybody waits for an adapter that is new there, and the
/// request itself for all that are there already.
package struct RankAwarePolicy: PlacementPolicy {
    package let name = "rank-aware"
    package let candidateLimit = 16
    /// How many requests fewer than the fullest a runner may have to be preferred.
    package var slack = 8

    package init() {}

    package func cost(of request: PlacementRequest, on candidate: PlacementCandidate) -> Int {
        guard candidate.behind <= slack else { return .max }
        let added = candidate.isAdapterInUse ? 0 : request.rank
        return candidate.rankSum + (candidate.workingSet + 1) * added
    }
}

/// The policies that can be chosen by name.
package enum PlacementPolicies {
    package static let all: [any PlacementPolicy] = [PaperPolicy(), AdapterAffinePolicy(), RankAwarePolicy()]

    package static var names: [String] { all.map(\.name) }

    /// nil for a name that is none of `names`.
    package static func named(_ name: String) -> (any PlacementPolicy)? { all.first { $0.name == name } }
}
