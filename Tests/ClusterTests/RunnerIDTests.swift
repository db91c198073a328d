import Cluster
import Testing

@Suite struct RunnerIDs {
    @Test func `a runner's id is written and read as a UUID`() {
        let id = RunnerID(0x0123_4567_89ab_cdef_0011_2233_4455_6677)
        #expect("\(id)" == "01234567-89ab-cdef-0011-223344556677")
        #expect(RunnerID("01234567-89AB-cdef-0011-223344556677") == id)
        #expect(RunnerID("\(RunnerID(5))") == RunnerID(5))
    }

    @Test(arguments: [
        "", "01234567-89ab-cdef-0011-22334455667", "0123456789abcdef0011223344556677",
        "+1234567-89ab-cdef-0011-223344556677", "g1234567-89ab-cdef-0011-223344556677",
    ])
    func `anything else is not an id`(text: String) { #expect(RunnerID(text) == nil) }

    @Test func `policies are found by name`() {
        #expect(PlacementPolicies.names == ["paper", "adapter-affine", "rank-aware"])
        for name in PlacementPolicies.names { #expect(PlacementPolicies.named(name)?.name == name) }
        #expect(PlacementPolicies.named("best") == nil)
    }
}
