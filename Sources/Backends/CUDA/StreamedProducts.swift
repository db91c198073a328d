internal import CUDA
internal import CUDAKernels
internal import Core

/// Dense products of few rows by a kernel of our own, which reads weights at the memory's rate and takes the rows'
/// low-rank updates along (dense_stream.cu).
final class StreamedProducts {
    /// Of a product, at most; the library's are quicker from there on.
    static let mostRows = Int(DENSE_ROWS)
    /// Up to so many rows a kernel serves.
    private static let rowSteps = [8, 16, mostRows]
    /// The largest ranks of all rows' adapters together, at most, for their updates to hide behind the weights.
    static let mostRanks = 512

    /// Whether all products of a model are served with updates, up to `mostRows` rows.
    let servesUpdates: Bool
    private let kernels: [StreamedGeometry: Kernel]
    private let device: StreamedGeometry.Device
    private let planKernel: Kernel
    /// `DenseUpdatePlan [layers · 4 + 1]`, of the step.
    let plans: DeviceBuffer
    /// Words for A·x that blocks pass to each other, with tags; zero is none of the first 2³² launches'.
    let vectors: DeviceBuffer
    let groups: LowRankGroups
    /// Without updates, all products of a model's layers are taken up to so many rows.
    let mostBaseRows: Int
    /// Sums of squares of rows that norms have left undivided, by block: float32 `[mostRows, multiprocessors]`.
    let squares: DeviceBuffer

    /// What is to be compiled for a model's products, in the order that `init` takes the modules.
    static func jobs(_ context: Context, _ groups: LowRankGroups, type: ScalarType) -> [KernelJob] {
        let outputs = groups.everyKind.map { $0.outputs.reduce(0, +) }
        let products = geometries(outputs, StreamedGeometry.Device(context)).map { geometry in
            KernelJob(
                KernelSource(embedded: "dense_stream.cu"),
                defines: [
                    "PUNICA_BF16": type == .bfloat16 ? "1" : "0",
                    "DENSE_UPDATES": geometry.updates ? "1" : "0",
                    "DENSE_TILES": "\(geometry.tiles)",
                    "DENSE_ROW_TILES": "\(geometry.rowTiles)",
                    "DENSE_DEPTH": "\(geometry.depth)",
                ]
            )
        }
        return [KernelJob(KernelSource(embedded: "dense_plan.cu"))] + products
    }

    /// - Parameter modules: of `jobs`.
    init(_ context: Context, _ modules: [Module], groups: LowRankGroups) throws(CUDAError) {
        let outputs = groups.everyKind.map { $0.outputs.reduce(0, +) }
        let inputs = groups.everyKind.map(\.inputs)
        let device = StreamedGeometry.Device(context)
        var kernels: [StreamedGeometry: Kernel] = [:]
        for (geometry, module) in zip(Self.geometries(outputs, device), modules.dropFirst()) {
            kernels[geometry] = try module.kernel("punica_dense_stream")
        }
        let all = Self.all(outputs, device)
        // A tile belongs to one member.
        let starts = groups.everyKind.flatMap { $0.outputs.dropLast() }
        servesUpdates =
            all.allSatisfy { !$0.updates || kernels[$0] != nil } && (inputs + starts).allSatisfy { $0 % 8 == 0 }
        self.kernels = kernels
        self.device = device
        let (chunk, members) = (Int(DENSE_CHUNK), Int(DENSE_WORD_MEMBERS))
        let chunks = ((inputs.max() ?? 1) + chunk - 1) / chunk
        let words = chunks * members * Int(DENSE_ROWS * DENSE_RANKS)
        vectors = try DeviceBuffer(context, byteCount: MemoryLayout<UInt64>.size * words)
        planKernel = try modules[0].kernel("punica_dense_plan")
        plans = try DeviceBuffer(context, byteCount: MemoryLayout<DenseUpdatePlan>.stride * groups.count)
        self.groups = groups
        squares = try DeviceBuffer(context, byteCount: 4 * Self.mostRows * device.multiprocessors)
        mostBaseRows =
            Self.rowSteps.last { rows in
                groups.everyKind.dropLast().allSatisfy { kind in
                    StreamedGeometry.serves(outputs: kind.outputs.reduce(0, +), inputs: kind.inputs, rows: rows, device)
                }
            } ?? 0
        try vectors.fill(0)
        try plans.fill(0)
    }

    private static func all(_ outputs: [Int], _ device: StreamedGeometry.Device) -> [StreamedGeometry] {
        rowSteps.flatMap { rows in
            outputs.flatMap { outputs in
                [false, true].map { StreamedGeometry(outputs: outputs, rows: rows, updates: $0, device: device) }
            }
        }
    }

    private static func geometries(_ outputs: [Int], _ device: StreamedGeometry.Device) -> [StreamedGeometry] {
        func order(_ geometry: StreamedGeometry) -> (Int, Int, Int, Int) {
            (geometry.updates ? 1 : 0, geometry.rowTiles, geometry.tiles, geometry.depth)
        }
        return Set(all(outputs, device)).filter { $0.fits(device) }.sorted { order($0) < order($1) }
    }

    /// Whether the kernel takes a product of so many rows without updates.
    func takes(_ weight: CUDAMatrix, rows: Int) -> Bool {
        guard rows <= Self.mostRows, kernels[geometry(weight, rows: rows, updates: false)] != nil else { return false }
        return StreamedGeometry.serves(outputs: weight.outputs, inputs: weight.inputs, rows: rows, device)
    }

    private func geometry(_ weight: CUDAMatrix, rows: Int, updates: Bool) -> StreamedGeometry {
        StreamedGeometry(outputs: weight.outputs, rows: rows, updates: updates, device: device)
    }

    /// `y = x · Wᵀ`, changed.
    func multiply(
        _ x: CUDARows,
        by weight: CUDAMatrix,
        rows: Int,
        _ change: Change,
        into y: CUDARows,
        on stream: Stream
    ) throws(CUDAError) {
        let geometry = geometry(weight, rows: rows, updates: change.updates != nil)
        guard let kernel = kernels[geometry] else { preconditionFailure("no kernel for \(weight.outputs) outputs") }
        try kernel.launch(
            parameters(x, by: weight, rows: rows, change, into: y),
            grid: (device.multiprocessors, 1, 1),
            block: geometry.threads,
            sharedBytes: geometry.sharedBytes,
            overlapsPredecessor: true,
            on: stream
        )
    }

    /// Looks up what the step's products have to update.
    ///
    /// They read it before they wait: between this and the first of them must come a launch that waits before it
    /// releases, as `embed` does.
    func plan(_ inputs: LowRankInputs, _ extent: StepExtent, on stream: Stream) throws(CUDAError) {
        let all = groups.everyKind.map(\.kernelGroup)
        let parameters = DensePlanParams(
            table: inputs.table,
            rowSlots: inputs.rowSlots,
            wantedSlots: inputs.wantedSlots,
            round: inputs.round,
            plans: plans.address,
            rows: Int32(extent.rows),
            wanted: Int32(extent.wanted),
            layers: Int32(groups.layers),
            entriesPerAdapter: Int32(inputs.entriesPerSlot),
            entriesPerLayer: Int32(Projection.allCases.count),
            unused: 0,
            groups: (all[0], all[1], all[2], all[3], all[4])
        )
        try planKernel.launch(parameters, grid: (groups.count, 1, 1), block: 128, on: stream)
    }
}

extension StreamedGeometry.Device {
    fileprivate init(_ context: Context) {
        self.init(
            multiprocessors: context.multiprocessorCount,
            sharedBytes: context.sharedBytesPerBlock
        )
    }
}
