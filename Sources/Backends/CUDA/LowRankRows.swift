internal import CUDA
internal import CUDAKernels

/// The updates of rows one by one (low_rank_rows.cu), for any rank and any shape.
final class LowRankRows {
    private let shrink: Kernel
    private let expand: Kernel
    /// Float32 results of shrinks, `[rows, members, 512]`.
    private let vectors: DeviceBuffer

    private static var mostMembers: Int { 3 }
    private static var mostRank: Int { 512 }

    init(_ context: Context, _ module: Module, limits: BatchLimits) throws(CUDAError) {
        shrink = try module.kernel("punica_shrink_rows")
        expand = try module.kernel("punica_expand_rows")
        let rows = CUDABackend.paddedRows(limits.tokens)
        vectors = try DeviceBuffer(context, byteCount: 4 * rows * Self.mostMembers * Self.mostRank)
    }

    func run(
        _ members: LowRankMembers,
        _ x: CUDARows,
        _ inputs: LowRankInputs,
        rows: Int,
        into y: CUDARows,
        on stream: Stream
    ) throws(CUDAError) {
        let (widths, starts) = members.columns
        let count = members.outputs.count
        let parameters = LowRankRowsParams(
            table: inputs.table,
            rowSlots: inputs.rowSlots,
            rowCount: inputs.liveRows,
            x: x.address,
            y: y.address,
            vectors: vectors.address,
            entriesPerAdapter: Int32(inputs.entriesPerSlot),
            firstEntry: Int32(members.firstEntry),
            memberCount: Int32(count),
            inputs: Int32(members.inputs),
            xPitch: Int32(x.pitch),
            yPitch: Int32(y.pitch),
            outputs: widths,
            columns: starts
        )
        try shrink.launch(parameters, grid: (16, rows, count), block: 128, overlapsPredecessor: true, on: stream)
        let blocks = ((members.outputs.max() ?? 1) + 511) / 512
        try expand.launch(parameters, grid: (blocks, rows, count), block: 256, overlapsPredecessor: true, on: stream)
    }
}
