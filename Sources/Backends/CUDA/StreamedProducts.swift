internal import CUDA
internal import CUDAKernels
internal import Core

/// Dense products of few rows by a kernel of our own, which reads weights at the memory's rate and adds low-rank updates
/// that were computed beside it (dense_stream.cu).
final class StreamedProducts {
    /// Of a product, at most; the library's are quicker from there on.
    static var mostRows: Int { Experiment.rows }

    private let kernels: [StreamedGeometry: Kernel]
    private let multiprocessorCount: Int
    /// Where low-rank updates wait to be added, float32 `[rows, outputs]`: one rounding of the sum is all that happens.
    private let updates: DeviceBuffer
    /// The tag of the last update whose input is complete.
    private let ready: DeviceBuffer

    /// What is to be compiled for a model's products, in the order that `init` takes the modules.
    static func jobs(outputs: [Int], type: ScalarType, multiprocessors: Int) -> [KernelJob] {
        geometries(outputs, multiprocessors).map { geometry in
            KernelJob(
                KernelSource(embedded: "dense_stream.cu"),
                defines: [
                    "PUNICA_BF16": type == .bfloat16 ? "1" : "0",
                    "DENSE_TILES": "\(geometry.tiles)",
                    "DENSE_ROW_TILES": "\(geometry.rowTiles)",
                    "DENSE_DEPTH": "\(geometry.depth)", "DENSE_STAGE": "\(StreamedGeometry.stage(geometry.rowTiles))",
                ]
            )
        }
    }

    /// - Parameter modules: of `jobs`.
    init(_ context: Context, _ modules: [Module], outputs: [Int]) throws(CUDAError) {
        multiprocessorCount = context.multiprocessorCount
        var kernels: [StreamedGeometry: Kernel] = [:]
        for (geometry, module) in zip(Self.geometries(outputs, multiprocessorCount), modules) {
            kernels[geometry] = try module.kernel("punica_dense_stream")
        }
        self.kernels = kernels
        ready = try DeviceBuffer(context, byteCount: 4)
        try ready.fill(0)
        updates = try DeviceBuffer(context, byteCount: 4 * 32 * (outputs.max() ?? 1))
    }

    private static func geometries(_ outputs: [Int], _ multiprocessors: Int) -> [StreamedGeometry] {
        let all = [8, 16, 32].flatMap { rows in
            outputs.map { StreamedGeometry(outputs: $0, rows: rows, multiprocessors: multiprocessors) }
        }
        return Array(Set(all)).sorted { ($0.rowTiles, $0.tiles) < ($1.rowTiles, $1.tiles) }
    }

    /// Whether the kernel takes such a product.
    func takes(_ weight: CUDAMatrix, rows: Int) -> Bool { rows <= Self.mostRows && weight.inputs % 8 == 0 }

    /// Where the launch right before a product leaves its update.
    func destination(of weight: CUDAMatrix) -> LowRankDestination {
        LowRankDestination(address: updates.address, pitch: weight.outputs, ready: ready.address)
    }

    /// `y = x · Wᵀ`.
    ///
    /// - Parameter update: of this product, from the launch right before; nil for none.
    func multiply(
        _ x: CUDARows,
        by weight: CUDAMatrix,
        rows: Int,
        adding update: LowRankAddition?,
        into y: CUDARows,
        on stream: Stream
    ) throws(CUDAError) {
        let geometry = StreamedGeometry(outputs: weight.outputs, rows: rows, multiprocessors: multiprocessorCount)
        guard let kernel = kernels[geometry] else { preconditionFailure("no kernel for \(weight.outputs) outputs") }
        var parameters = DenseStreamParams()
        parameters.x = x.address
        parameters.weight = weight.address
        parameters.y = y.address
        parameters.rows = Int32(rows)
        parameters.inputs = Int32(weight.inputs)
        parameters.outputs = Int32(weight.outputs)
        parameters.isFloat = y.type == .float32 ? 1 : 0
        if let update {
            parameters.update = updates.address
            parameters.plan = update.plan
            parameters.ready = ready.address
            parameters.table = update.inputs.table
            parameters.rowSlots = update.inputs.rowSlots
            parameters.entriesPerAdapter = Int32(update.inputs.entriesPerSlot)
            parameters.firstEntry = Int32(update.members.firstEntry)
            parameters.memberCount = Int32(update.members.outputs.count)
            parameters.columns = update.members.bounds
        }
        try kernel.launch(
            parameters,
            grid: (multiprocessorCount, 1, 1),
            block: 256,
            sharedBytes: geometry.sharedBytes,
            overlapsPredecessor: true,
            on: stream
        )
    }
}

/// A low-rank update that a product adds.
struct LowRankAddition {
    let inputs: LowRankInputs
    let members: LowRankMembers
    /// Address of its plan.
    let plan: UInt64
}

/// How a product is cut up; one kernel serves all products of a geometry.
struct StreamedGeometry: Hashable {
    /// Tiles of 8 weight rows that a block has in hand at once.
    let tiles: Int
    /// Tiles of 8 rows of activations.
    let rowTiles: Int
    /// Stages that each warp has on their way.
    let depth: Int

    /// What leaves a block of the low-rank kernel its place on the multiprocessor.
    private static var mostSharedBytes: Int { (Experiment.ldepth == 1 ? 160 : 132) << 10 }

    init(outputs: Int, rows: Int, multiprocessors: Int) {
        rowTiles = rows <= 8 ? 1 : rows <= 16 ? 2 : 4
        let most = rowTiles == 1 ? 6 : rowTiles == 2 ? Experiment.number("PX_T2", 4) : Experiment.number("PX_T4", 4)
        let share = ((outputs + 7) / 8 + multiprocessors - 1) / multiprocessors
        let sets = (share + most - 1) / most
        tiles = (share + sets - 1) / sets
        let stage = Self.stageBytes(tiles: tiles, rowTiles: rowTiles)
        let fixed = Self.partsBytes(tiles: tiles, rowTiles: rowTiles)
        depth = min(4, max(2, (Self.mostSharedBytes - fixed) / stage))
    }

    static func stage(_ rowTiles: Int) -> Int {
        rowTiles == 1 ? 64 : rowTiles == 2 ? Experiment.number("PX_S2", 64) : Experiment.number("PX_S4", 64)
    }

    /// Dynamic shared memory of a block.
    var sharedBytes: Int {
        depth * Self.stageBytes(tiles: tiles, rowTiles: rowTiles) + Self.partsBytes(tiles: tiles, rowTiles: rowTiles)
    }

    /// Of all warps.
    private static func stageBytes(tiles: Int, rowTiles: Int) -> Int {
        8 * (tiles + rowTiles) * stage(rowTiles) * 16
    }

    private static func partsBytes(tiles: Int, rowTiles: Int) -> Int {
        let pitch = 8 * tiles + (tiles % 2 == 0 ? 8 : 0)
        return 4 * (rowTiles < 4 ? 8 : 4) * rowTiles * 8 * pitch
    }
}
