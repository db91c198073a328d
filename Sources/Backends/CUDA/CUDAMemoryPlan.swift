internal import CUDA

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

    /// - Throws: `BackendError` when there is no such GPU.
    package init(_ settings: CUDASettings, shape: ModelShape, limits: BatchLimits) throws(BackendError) {
        do throws(CUDAError) {
            let context = try Context(try Driver(), ordinal: settings.ordinal)
            let withheld = Int(Double(context.totalMemory) * (1 - settings.memoryUtilization))
            budget = try context.freeMemory() - withheld
        } catch {
            throw BackendError(error.description)
        }
        weights = 2 * shape.weightCount
        // The residual stream and what is added to it have room for float32.
        let columns = 5 * shape.hiddenSize + shape.queryKeyValueWidth + shape.heads * shape.headSize
        let perRow = 2 * (columns + 3 * shape.intermediateSize)
        let perSequence = 2 * shape.hiddenSize + 4 * shape.vocabularySize
        activations =
            CUDABackend.paddedRows(limits.tokens) * perRow + CUDABackend.paddedRows(limits.sequences) * perSequence
    }
}
