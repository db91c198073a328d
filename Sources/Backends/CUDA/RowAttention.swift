internal import CUDA
internal import CUDAKernels

/// Rotation, append and attention of single query rows over the paged cache, in one launch (attention_rows.cu).
final class RowAttention {
    private let kernel: Kernel
    private let partials: DeviceBuffer
    /// Each launch finds zeros and leaves zeros.
    private let arrivals: DeviceBuffer
    private let shape: ModelShape
    private let multiprocessorCount: Int

    /// Of a block.
    private static var threads: Int { 128 }
    /// Splits of a row's positions, at most; as attention_joins.cuh has it.
    private static var mostSplits: Int { 16 }
    /// Rows that are ever split.
    private let splitRows: Int

    init(_ context: Context, _ module: Module, shape: ModelShape, limits: BatchLimits) throws(CUDAError) {
        kernel = try module.kernel("punica_append_attend")
        try kernel.preferFirstCache(blockSize: Self.threads)
        self.shape = shape
        multiprocessorCount = context.multiprocessorCount
        splitRows = min(limits.sequences, 64)
        let numbers = splitRows * shape.heads * Self.mostSplits * (shape.headSize + 4)
        partials = try DeviceBuffer(context, byteCount: 4 * numbers)
        arrivals = try DeviceBuffer(context, byteCount: 4 * splitRows * Self.parts(shape))
        try arrivals.fill(0)
    }

    /// - Parameter parameters: all but partials, arrivals, splits and scale, which are set here.
    func run(_ parameters: RowAttentionParams, rows: Int, on stream: Stream) throws(CUDAError) {
        var parameters = parameters
        let parts = Self.parts(shape)
        // Enough blocks for several on each multiprocessor; the contexts are not known when a graph is recorded.
        let wanted = (6 * multiprocessorCount + rows * parts - 1) / (rows * parts)
        let splits = rows <= splitRows ? min(max(wanted, 1), Self.mostSplits) : 1
        parameters.partials = partials.address
        parameters.arrivals = arrivals.address
        parameters.splits = Int32(splits)
        parameters.scale = Float(1.4426950408889634 / Double(shape.headSize).squareRoot())
        try kernel.launch(
            parameters,
            grid: (splits, parts, rows),
            block: Self.threads,
            overlapsPredecessor: true,
            on: stream
        )
    }

    /// Key/value heads, each as often as its queries are taken in parts of at most 8.
    private static func parts(_ shape: ModelShape) -> Int {
        let group = shape.heads / shape.keyValueHeads
        return (group + 7) / 8 * shape.keyValueHeads
    }
}
