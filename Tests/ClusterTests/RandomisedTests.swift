import Cluster
import Testing

@Suite struct RandomisedClusters {
    @Test(arguments: PlacementPolicies.names)
    func `100,000 random events, a third under each policy, agree with a linear search`(name: String) throws {
        let policy = try #require(PlacementPolicies.named(name))
        var cluster = RandomCluster(policy: policy, seed: 7)
        for _ in 0..<100_000 / PlacementPolicies.names.count { try cluster.step() }
        for kind in ["place", "move", "refuse", "drain", "release", "acquire"] {
            #expect(cluster.seen[kind, default: 0] > 100, "\(kind) was tested")
        }
    }
}
