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
    private let plans: DeviceBuffer
    /// Words for A·x that blocks pass to each other, with tags; zero is none of the first 2³² launches'.
    private let vectors: DeviceBuffer
    private let groups: LowRankGroups
    /// Without updates, all products of a model's layers are taken up to so many rows.
    let mostBaseRows: Int
    /// Sums of squares of rows that norms have left undivided, by block: float32 `[mostRows, multiprocessors]`.
    private let squares: DeviceBuffer

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
        let layers = groups.everyKind.dropLast()
        mostBaseRows =
            Self.rowSteps.last { rows in
                layers.allSatisfy { kind in
                    let (outputs, inputs) = (kind.outputs.reduce(0, +), kind.inputs)
                    let geometry = StreamedGeometry(outputs: outputs, rows: rows, updates: false, device: device)
                    let pays = StreamedGeometry.pays(outputs: outputs, rows: rows, device)
                    return inputs % 8 == 0 && pays && kernels[geometry] != nil
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
        guard rows <= Self.mostRows, weight.inputs % 8 == 0 else { return false }
        guard StreamedGeometry.pays(outputs: weight.outputs, rows: rows, device) else { return false }
        return kernels[geometry(weight, rows: rows, updates: false)] != nil
    }

    private func geometry(_ weight: CUDAMatrix, rows: Int, updates: Bool) -> StreamedGeometry {
        StreamedGeometry(outputs: weight.outputs, rows: rows, updates: updates, device: device)
    }

    /// What is done to `x · Wᵀ` besides.
    struct Change {
        /// Whose low-rank updates it takes along, as planned; nil where no row has an adapter.
        var updates: AdapterTarget?
        /// What x is to be divided by, if it is: `sqrt(mean(y²) + epsilon)` of the last y that a norm followed.
        var epsilon: Float?
        /// Address of a float32 vector to add; 0 for none.
        var bias: UInt64 = 0
        /// Whether W is `[gate | up]` and y = silu(gate) · up.
        var isGated = false
        /// Whether it is added to what lies in y.
        var adds = false
        var following: Following?
    }

    /// The norm of y but for the division, which the products do that take it.
    struct Following {
        let norm: CUDAVector
        let rows: CUDARows
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

    private func parameters(
        _ x: CUDARows,
        by weight: CUDAMatrix,
        rows: Int,
        _ change: Change,
        into y: CUDARows
    ) -> DenseStreamParams {
        precondition(x.width == weight.inputs && x.type != .float32, "other rows than the product takes")
        precondition(y.width == (change.isGated ? weight.outputs / 2 : weight.outputs), "rows of another width")
        precondition(!change.adds || y.type == .float32, "sums are kept in float32")
        precondition(change.updates == nil || !change.adds && change.epsilon == nil, "updates come with nothing else")
        var parameters = DenseStreamParams()
        parameters.x = x.address
        parameters.weight = weight.address
        parameters.y = y.address
        parameters.bias = change.bias
        parameters.rows = Int32(rows)
        parameters.inputs = Int32(weight.inputs)
        parameters.outputs = Int32(weight.outputs)
        parameters.isFloat = y.type == .float32 ? 1 : 0
        parameters.isGated = change.isGated ? 1 : 0
        parameters.adds = change.adds ? 1 : 0
        parameters.columns = (0, .max, .max, .max)
        if let epsilon = change.epsilon {
            parameters.squares = squares.address
            parameters.epsilon = epsilon
            parameters.inverse = 1 / Float(weight.inputs)
        }
        if let following = change.following {
            parameters.norm = following.norm.address
            parameters.normed = following.rows.address
            parameters.normedSquares = squares.address
        }
        if let target = change.updates {
            parameters.plan = plans.address + UInt64(MemoryLayout<DenseUpdatePlan>.stride * groups.number(of: target))
            parameters.vectors = vectors.address
            parameters.columns = groups.members(of: target).bounds
        }
        return parameters
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
