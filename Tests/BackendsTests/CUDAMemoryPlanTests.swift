import Core
import Testing

@testable import Backends

@Suite struct CUDAMemoryPlanTests {
    private let shape = ModelShape(
        layers: 2,
        hiddenSize: 64,
        heads: 4,
        keyValueHeads: 2,
        headSize: 16,
        intermediateSize: 128,
        vocabularySize: 100
    )

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
}
