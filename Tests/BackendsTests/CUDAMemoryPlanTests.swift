import Core
import Testing

@testable import Backends

@Suite struct CUDAMemoryPlanTests {
    private let shape = ModelShape.small

    private func plan(_ type: ScalarType) -> CUDAMemoryPlan {
        CUDAMemoryPlan(budget: 0, shape: shape, type: type, limits: BatchLimits(tokens: 512, sequences: 8, pages: 8))
    }

    @Test func `bfloat16 has room for columns behind each row of weights and of inputs`() {
        let (plain, roomy) = (plan(.float16), plan(.bfloat16))
        #expect(plain.weights == 2 * shape.weightCount)
        // Rows of queries, keys and values, of gate and up, of the output, and of down, with 64 columns for each member.
        let numbers = 128 * 3 * 64 + 256 * 2 * 64 + 64 * 64 + 64 * 64
        #expect(roomy.weights - plain.weights == 2 * 2 * numbers)
        #expect(roomy.activations - plain.activations == 512 * 3 * 192 * 2)
    }

    @Test func `every kind of rows that a step needs is counted`() {
        // The residual stream in float32, its change, norms, queries, keys and values, what attention leaves, gate and up,
        // their product, and updates as wide as the widest product.
        let perRow = 4 * 64 + 2 * 64 + 2 * 64 + 2 * 128 + 2 * 64 + 2 * 256 + 2 * 128 + 2 * 256
        // Norms whose logits are wanted, and the logits.
        let perSequence = 2 * 64 + 4 * 100
        #expect(plan(.float16).activations == 512 * perRow + 8 * perSequence)
    }
}
