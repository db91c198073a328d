internal import CUDA
internal import CUDAKernels
internal import Core

/// Brings B of a step's columns beside the weights (low_rank_columns.cu).
final class ColumnWeights {
    private let kernel: Kernel
    private let groups: LowRankGroups
    /// As the kernel takes them.
    private let kernelGroups: (LowRankGroup, LowRankGroup, LowRankGroup, LowRankGroup)
    /// Addresses of the weights, `[layers, groups]`, on the host and on the device; 0 where there is none.
    private var weights: [UInt64]
    private let table: DeviceBuffer
    private var isComplete = false

    init(_ context: Context, _ module: Module, groups: LowRankGroups) throws(CUDAError) {
        kernel = try module.kernel("punica_low_rank_columns")
        self.groups = groups
        let all = LowRankGroups.all.map { groups.members(of: $0) }
        let kernelGroups = all.map(\.kernelGroup)
        self.kernelGroups = (kernelGroups[0], kernelGroups[1], kernelGroups[2], kernelGroups[3])
        weights = Array(repeating: 0, count: groups.layers * LowRankGroups.all.count)
        table = try DeviceBuffer(context, byteCount: weights.count * MemoryLayout<UInt64>.size)
    }

    /// Notes where a weight with room for columns lies.
    func note(_ weight: CUDAMatrix, for target: AdapterTarget) {
        guard case .projections = target, weight.pitch > weight.inputs else { return }
        weights[groups.number(of: target)] = weight.address
    }

    /// Tells the device where the weights lie, when all are there; waits for the stream.
    func finish(on stream: Stream) throws(CUDAError) {
        isComplete = weights.allSatisfy { $0 != 0 }
        let (table, weights) = (table, weights)
        let outcome = weights.withUnsafeBytes { bytes in
            Result { () throws(CUDAError) in
                try stream.copy(bytes, to: table.address)
                try stream.synchronize()
            }
        }
        try outcome.get()
    }

    /// Once a step, before its products.
    func place(_ columns: LowRankColumns, _ inputs: LowRankInputs, rows: Int, on stream: Stream) throws(CUDAError) {
        precondition(isComplete, "columns beside weights without room for them")
        let parameters = LowRankColumnParams(
            table: inputs.table,
            weights: table.address,
            entriesPerAdapter: Int32(inputs.entriesPerSlot),
            entriesPerLayer: Int32(Projection.allCases.count),
            groupCount: Int32(LowRankGroups.all.count),
            unused: 0,
            columns: columns.kernelColumns(rows: rows),
            groups: kernelGroups
        )
        let outputBlocks = (groups.mostOutputs + 127) / 128
        try kernel.launch(parameters, grid: (outputBlocks, weights.count, 1), block: 256, on: stream)
    }
}
