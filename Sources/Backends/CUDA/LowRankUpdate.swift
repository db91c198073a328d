internal import CUDA
internal import CUDAKernels
internal import Core

/// One group of dense products as low-rank updates see it: members read one input and write side by side.
struct LowRankMembers {
    /// The first member's entry within an adapter's.
    let firstEntry: Int
    let inputs: Int
    /// Of each member.
    let outputs: [Int]
}

/// SGMV: the low-rank updates of all segments of a step, whatever adapters they have (Punica section 4).
final class LowRankUpdate {
    static let sources = ["low_rank_rows.cu"]

    private let shrinkRows: Kernel
    private let expandRows: Kernel
    /// Float32 results of shrinks, `[rows, members, 512]`.
    private let vectors: DeviceBuffer

    private static var mostMembers: Int { 3 }
    private static var mostRank: Int { 512 }

    init(_ context: Context, _ modules: [Module], shape: ModelShape, limits: BatchLimits) throws(CUDAError) {
        shrinkRows = try modules[0].kernel("punica_shrink_rows")
        expandRows = try modules[0].kernel("punica_expand_rows")
        let rows = CUDABackend.paddedRows(limits.tokens)
        vectors = try DeviceBuffer(context, byteCount: 4 * rows * Self.mostMembers * Self.mostRank)
    }

    /// Adds a group's updates to `y`.
    ///
    /// - Parameters:
    ///   - table: `LowRankEntry [slots, entriesPerSlot]`.
    ///   - rowSlots: the adapter of each row; -1 for none.
    ///   - liveRows: address of how many of `rows` there are.
    func run(
        _ members: LowRankMembers,
        _ x: CUDARows,
        table: UInt64,
        entriesPerSlot: Int,
        rowSlots: UInt64,
        liveRows: UInt64,
        rows: Int,
        into y: CUDARows,
        on stream: Stream
    ) throws(CUDAError) {
        var parameters = LowRankRowsParams()
        parameters.table = table
        parameters.rowSlots = rowSlots
        parameters.rowCount = liveRows
        parameters.x = x.address
        parameters.y = y.address
        parameters.vectors = vectors.address
        parameters.entriesPerAdapter = Int32(entriesPerSlot)
        parameters.firstEntry = Int32(members.firstEntry)
        parameters.memberCount = Int32(members.outputs.count)
        parameters.inputs = Int32(members.inputs)
        parameters.xPitch = Int32(x.width)
        parameters.yPitch = Int32(y.width)
        let count = members.outputs.count
        parameters.setOutputs(members.outputs)
        try shrinkRows.launch(parameters, grid: (16, rows, count), block: 128, overlapsPredecessor: true, on: stream)
        let blocks = ((members.outputs.max() ?? 1) + 511) / 512
        try expandRows.launch(
            parameters,
            grid: (blocks, rows, count),
            block: 256,
            overlapsPredecessor: true,
            on: stream
        )
    }
}

extension LowRankRowsParams {
    /// Members' widths, side by side from column 0 on.
    fileprivate mutating func setOutputs(_ widths: [Int]) {
        let padded = widths.map { Int32($0) } + Array(repeating: 0, count: 4 - widths.count)
        outputs = (padded[0], padded[1], padded[2], padded[3])
        columns = (0, padded[0], padded[0] + padded[1], padded[0] + padded[1] + padded[2])
    }
}
