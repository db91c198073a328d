import CUDAKernels
import Core
import Testing

@testable import Backends

@Suite struct SamplingPlans {
    private func plan(_ history: [Int32], promptCount: Int, penalty: Float = 1.5) -> SamplingPlan {
        var plan = SamplingPlan(vocabularySize: 100)
        var parameters = SamplingParameters()
        parameters.repetitionPenalty = penalty
        history.map { TokenID($0) }.withUnsafeBufferPointer { history in
            let plain = SamplingRequest(
                parameters: SamplingParameters(),
                history: history,
                promptCount: promptCount,
                banned: []
            )
            let penalized = SamplingRequest(
                parameters: parameters,
                history: history,
                promptCount: promptCount,
                banned: []
            )
            plan.fill([plain, penalized, plain, penalized])
        }
        return plan
    }

    @Test func `each token seen is there once, with how often it is in the output`() {
        let plan = plan([7, 7, 8, 7, 9, 9], promptCount: 2)
        #expect(plan.seen.map(\.token) == [7, 8, 9, 7, 8, 9])
        #expect(plan.seen.map(\.outputCount) == [1, 1, 2, 1, 1, 2])
        #expect(plan.rows.map(\.endsAwaited) == [0, 0, 0, 0])
        #expect(plan.rows.map { $0.seenStart..<$0.seenEnd } == [0..<0, 0..<3, 3..<3, 3..<6])
    }

    @Test func `a token that is awaited comes last and counts for no other`() {
        let awaited = TokenID.awaited(5).rawValue
        let plan = plan([7, 8, 8, awaited], promptCount: 1)
        #expect(plan.seen.map(\.token) == [7, 8, awaited, 7, 8, awaited])
        #expect(plan.seen.map(\.outputCount) == [0, 2, 1, 0, 2, 1])
        #expect(plan.rows.map(\.endsAwaited) == [0, 1, 0, 1])
        #expect(plan.rows.map { $0.seenStart..<$0.seenEnd } == [0..<0, 0..<3, 3..<3, 3..<6])
    }
}
