internal import CUDA
internal import CUDAKernels
internal import Core

/// The kernels of `rows.cu` and `positions.cu` for one model: all that touches rows one by one.
///
/// Addresses are of device memory. `rows` is how many rows a launch covers, at least 1; `liveRows` the address of how
/// many of them there are, read when the kernel runs, so that a recorded launch serves any number up to `rows`. Rows
/// beyond are neither read nor written, but that `embed` makes them zero. Numbers of a step (tokens, positions, live counts) must be there when the step's
/// first kernel has waited for its predecessor: the others read them before they wait themselves.
struct RowOperations {
    private let shape: ModelShape
    private let embedding: Kernel
    private let lowRankEmbedding: Kernel
    private let normalization: Kernel
    private let gating: Kernel
    private let biasAddition: Kernel
    private let updateAddition: Kernel
    private let rotation: Kernel
    private let headNormalization: Kernel

    /// What is to be compiled, in the order that `init` takes the modules.
    ///
    /// - Parameter type: of activations: `bfloat16` or `float16`.
    static func jobs(_ shape: ModelShape, type: ScalarType, blockSize: Int) -> [KernelJob] {
        let bfloat16 = type == .bfloat16 ? "1" : "0"
        let rows = [
            "PUNICA_BF16": bfloat16,
            "PUNICA_HIDDEN": "\(shape.hiddenSize)",
            "PUNICA_FEED_FORWARD": "\(shape.intermediateSize)",
        ]
        let positions = [
            "PUNICA_BF16": bfloat16,
            "PUNICA_HEADS": "\(shape.heads)",
            "PUNICA_KV_HEADS": "\(shape.keyValueHeads)",
            "PUNICA_HEAD_SIZE": "\(shape.headSize)",
            "PUNICA_BLOCK_SIZE": "\(blockSize)",
        ]
        return [
            KernelJob(KernelSource(embedded: "rows.cu"), defines: rows),
            KernelJob(KernelSource(embedded: "positions.cu"), defines: positions),
        ]
    }

    /// - Parameter modules: of `jobs`.
    init(_ modules: [Module], shape: ModelShape) throws(CUDAError) {
        self.shape = shape
        embedding = try modules[0].kernel("punica_embed")
        lowRankEmbedding = try modules[0].kernel("punica_embed_low_rank")
        normalization = try modules[0].kernel("punica_add_normalize")
        gating = try modules[0].kernel("punica_gate")
        biasAddition = try modules[0].kernel("punica_add_bias")
        updateAddition = try modules[0].kernel("punica_add_updates")
        rotation = try modules[1].kernel("punica_rotate_append")
        headNormalization = try modules[1].kernel("punica_normalize_heads")
    }

    /// `x[t] = table[tokens[t]]`.
    func embed(
        _ table: CUDAMatrix,
        tokens: UInt64,
        rows: Int,
        liveRows: UInt64,
        into x: UInt64,
        on stream: Stream
    ) throws(CUDAError) {
        let parameters = EmbedParams(
            table: table.address,
            tokens: tokens,
            rowCount: liveRows,
            x: x,
            firstToken: 0,
            tableRows: Int32(table.outputs)
        )
        // The first of a step: kernels after it read live counts before they wait, so those must be there by now.
        try embedding.launch(
            parameters,
            grid: (rows, 1, 1),
            block: rowThreads,
            on: stream
        )
    }

    /// Adds what the adapters of the rows' segments change in their tokens' embeddings.
    func embedLowRank(
        _ parameters: EmbedLowRankParams,
        rows: Int,
        on stream: Stream
    ) throws(CUDAError) {
        try lowRankEmbedding.launch(
            parameters,
            grid: (rows, ceilDivide(shape.hiddenSize, 256), 1),
            block: 256,
            overlapsPredecessor: true,
            on: stream
        )
    }

    /// The norm of `x + delta`; without `rows`, the sum replaces `x`.
    ///
    /// With `rows`, row `t` of the norm comes from row `rows[t]` of `x` and `delta`. `delta` may be null.
    func addNormalize(
        _ parameters: AddNormalizeParams,
        rows: Int,
        on stream: Stream
    ) throws(CUDAError) {
        try normalization.launch(
            parameters,
            grid: (rows, 1, 1),
            block: rowThreads,
            overlapsPredecessor: true,
            on: stream
        )
    }

    /// `y = silu(gate) · up` for `x = [gate | up]` with its updates.
    func gate(
        _ x: UInt64,
        adding updates: RowUpdates,
        rows: Int,
        liveRows: UInt64,
        into y: CUDARows,
        on stream: Stream
    ) throws(CUDAError) {
        let packs = shape.intermediateSize / pack(for: shape.intermediateSize)
        try gating.launch(
            GateParams(
                x: x,
                rowCount: liveRows,
                y: y.address,
                updates: updates,
                pitch: Int32(y.pitch),
                unused: 0
            ),
            grid: (ceilDivide(packs, 128), rows, 1),
            block: 128,
            overlapsPredecessor: true,
            on: stream
        )
    }

    /// `y[t] += bias`, for rows of `width` elements.
    func addBias(
        _ bias: CUDAVector,
        rows: Int,
        liveRows: UInt64,
        to y: UInt64,
        width: Int,
        on stream: Stream
    ) throws(CUDAError) {
        let parameters = AddBiasParams(
            bias: bias.address,
            rowCount: liveRows,
            y: y,
            columns: Int32(bias.count),
            pitch: Int32(width)
        )
        try biasAddition.launch(
            parameters,
            grid: (ceilDivide(bias.count, 256), rows, 1),
            block: 256,
            overlapsPredecessor: true,
            on: stream
        )
    }

    /// `y[t] += updates`, for rows whose width is a multiple of 8.
    func addUpdates(
        _ updates: RowUpdates,
        rows: Int,
        liveRows: UInt64,
        to y: CUDARows,
        on stream: Stream
    ) throws(CUDAError) {
        let parameters = AddUpdatesParams(
            updates: updates,
            rowCount: liveRows,
            y: y.address,
            columns: Int32(y.width),
            unused: 0
        )
        precondition(y.width % 8 == 0 && y.pitch == y.width, "rows are added to 16 bytes at a time")
        try updateAddition.launch(
            parameters,
            grid: (ceilDivide(y.width / 8, 256), rows, 1),
            block: 256,
            overlapsPredecessor: true,
            on: stream
        )
    }

    /// Rotates queries in place, and appends rotated keys and values to a layer's cache.
    func rotateAndAppend(_ parameters: RotateAppendParams, rows: Int, on stream: Stream) throws(CUDAError) {
        let heads = shape.heads + 2 * shape.keyValueHeads
        try rotation.launch(
            parameters,
            grid: (ceilDivide(heads * headLanes, 128), rows, 1),
            block: 128,
            overlapsPredecessor: true,
            on: stream
        )
    }

    /// Normalizes heads where they lie.
    func normalizeHeads(_ parameters: NormalizeHeadsParams, rows: Int, on stream: Stream) throws(CUDAError) {
        try headNormalization.launch(
            parameters,
            grid: (ceilDivide(Int(parameters.heads) * headLanes, 128), rows, 1),
            block: 128,
            overlapsPredecessor: true,
            on: stream
        )
    }

    /// Threads that have a row of the hidden size.
    private var rowThreads: Int { min(1024, ceilDivide(shape.hiddenSize / 8, 32) * 32) }

    /// Neighbouring threads that have a head.
    private var headLanes: Int {
        let half = shape.headSize / 2
        var lanes = 1
        while lanes < half / pack(for: half) { lanes *= 2 }
        return lanes
    }

    /// Elements that a thread reads at once.
    private func pack(for size: Int) -> Int { size % 8 == 0 ? 8 : size % 4 == 0 ? 4 : size % 2 == 0 ? 2 : 1 }

    private func ceilDivide(_ value: Int, _ divisor: Int) -> Int { (value + divisor - 1) / divisor }
}
