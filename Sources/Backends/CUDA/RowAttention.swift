internal import CUDA
internal import CUDAKernels

/// Attention of single query rows over the paged cache (attention_rows.cu).
final class RowAttention {
    private let attend: Kernel
    private let merge: Kernel
    private let partials: DeviceBuffer
    private let shape: ModelShape
    private let multiprocessorCount: Int

    /// Splits of a row's positions, at most.
    private static var mostSplits: Int { 16 }
    /// Rows that are ever split.
    private let splitRows: Int

    init(_ context: Context, _ module: Module, shape: ModelShape, limits: BatchLimits) throws(CUDAError) {
        attend = try module.kernel("punica_attend_rows")
        merge = try module.kernel("punica_attend_merge")
        self.shape = shape
        multiprocessorCount = context.multiprocessorCount
        splitRows = min(limits.sequences, 64)
        let numbers = splitRows * shape.heads * Self.mostSplits * (shape.headSize + 2)
        partials = try DeviceBuffer(context, byteCount: 4 * numbers)
    }

    /// - Parameter parameters: all but partials, splits and scale, which are set here.
    func run(_ parameters: RowAttentionParams, rows: Int, on stream: Stream) throws(CUDAError) {
        var parameters = parameters
        let group = shape.heads / shape.keyValueHeads
        let parts = (group + 7) / 8 * shape.keyValueHeads
        // Enough blocks for several on each multiprocessor; the contexts are not known when a graph is recorded.
        let wanted = (6 * multiprocessorCount + rows * parts - 1) / (rows * parts)
        let splits = rows <= splitRows ? min(max(wanted, 1), Self.mostSplits) : 1
        parameters.partials = partials.address
        parameters.splits = Int32(splits)
        parameters.scale = Float(1.4426950408889634 / Double(shape.headSize).squareRoot())
        try attend.launch(
            parameters,
            grid: (splits, parts, rows),
            block: 128,
            overlapsPredecessor: true,
            on: stream
        )
        guard splits > 1 else { return }
        try merge.launch(parameters, grid: (shape.heads, rows, 1), block: 32, overlapsPredecessor: true, on: stream)
    }
}
