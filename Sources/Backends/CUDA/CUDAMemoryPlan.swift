internal import CUDA
package import Core

/// How much of a GPU's memory is left for keys, values and adapters: one budget for all three.
package struct CUDAMemoryPlan: Sendable, Equatable {
    /// What the settings allow of the memory that nobody else has taken.
    package let budget: Int
    package let weights: Int
    package let activations: Int

    /// For the CUDA libraries, recorded graphs, the adapters' table and scratch memory of kernels.
    private static var reserve: Int { 1 << 30 }

    /// Bytes for blocks; below zero when not even the model fits.
    package var blockBytes: Int { budget - weights - activations - Self.reserve }

    /// - Parameter type: of weights and activations.
    /// - Throws: `BackendError` when there is no such GPU.
    package init(
        _ settings: CUDASettings,
        shape: ModelShape,
        type: ScalarType,
        limits: BatchLimits
    ) throws(BackendError) {
        let budget: Int
        do throws(CUDAError) {
            let context = try Context(try Driver(), ordinal: settings.ordinal)
            let withheld = Int(Double(context.totalMemory) * (1 - settings.memoryUtilization))
            budget = try context.freeMemory() - withheld
        } catch {
            throw BackendError(error.description)
        }
        self.init(budget: budget, shape: shape, type: type, limits: limits)
    }

    init(budget: Int, shape: ModelShape, type: ScalarType, limits: BatchLimits) {
        self.budget = budget
        let groups = LowRankGroups(shape)
        let hasColumns = LowRankColumns.serve(groups, type: type)
        weights = 2 * shape.weightCount + (hasColumns ? LowRankColumns.weightBytes(groups) : 0)
        // The residual stream is float32.
        let columns = 4 * shape.hiddenSize + shape.queryKeyValueWidth + shape.heads * shape.headSize
        // Three kinds of rows are products' inputs: norms, what attention leaves, and the gate.
        let room = hasColumns ? 3 * LowRankColumns.inputRoom : 0
        let perRow = 2 * (columns + 3 * shape.intermediateSize + room + groups.mostOutputs)
        let perSequence = 2 * shape.hiddenSize + 4 * shape.vocabularySize
        activations =
            CUDABackend.paddedRows(limits.tokens) * perRow + CUDABackend.paddedRows(limits.sequences) * perSequence
    }
}
