internal import CUDA
internal import CUDAKernels
internal import Core

/// Dense products of few rows by a kernel of our own, which reads weights at the memory's rate and adds low-rank updates
/// that were computed beside it (dense_stream.cu).
final class StreamedProducts {
    /// Of a product, at most; the library's are quicker from there on.
    static let mostRows = 32

    private let kernels: [StreamedGeometry: Kernel]
    private let device: StreamedGeometry.Device
    /// Where low-rank updates wait to be added, float32 `[rows, outputs]`: one rounding of the sum is all that happens.
    private let updates: DeviceBuffer
    /// The tag of the last update whose input is complete.
    private let ready: DeviceBuffer

    /// What is to be compiled for a model's products, in the order that `init` takes the modules.
    static func jobs(_ context: Context, outputs: [Int], type: ScalarType) -> [KernelJob] {
        geometries(outputs, StreamedGeometry.Device(context)).map { geometry in
            KernelJob(
                KernelSource(embedded: "dense_stream.cu"),
                defines: [
                    "PUNICA_BF16": type == .bfloat16 ? "1" : "0",
                    "DENSE_TILES": "\(geometry.tiles)",
                    "DENSE_ROW_TILES": "\(geometry.rowTiles)",
                    "DENSE_DEPTH": "\(geometry.depth)",
                ]
            )
        }
    }

    /// - Parameter modules: of `jobs`.
    init(_ context: Context, _ modules: [Module], outputs: [Int]) throws(CUDAError) {
        device = StreamedGeometry.Device(context)
        var kernels: [StreamedGeometry: Kernel] = [:]
        for (geometry, module) in zip(Self.geometries(outputs, device), modules) {
            kernels[geometry] = try module.kernel("punica_dense_stream")
        }
        self.kernels = kernels
        ready = try DeviceBuffer(context, byteCount: 4)
        try ready.fill(0)
        updates = try DeviceBuffer(context, byteCount: 4 * Self.mostRows * (outputs.max() ?? 1))
    }

    private static func geometries(_ outputs: [Int], _ device: StreamedGeometry.Device) -> [StreamedGeometry] {
        let all = [8, 16, mostRows].flatMap { rows in
            outputs.map { StreamedGeometry(outputs: $0, rows: rows, device: device) }
        }
        return Set(all).filter { $0.fits(device) }.sorted {
            ($0.rowTiles, $0.tiles, $0.depth) < ($1.rowTiles, $1.tiles, $1.depth)
        }
    }

    /// Whether the kernel takes a product, with an update or without.
    func takes(_ weight: CUDAMatrix, rows: Int) -> Bool {
        rows <= Self.mostRows && weight.inputs % 8 == 0 && kernels[geometry(weight, rows: rows)] != nil
    }

    private func geometry(_ weight: CUDAMatrix, rows: Int) -> StreamedGeometry {
        StreamedGeometry(outputs: weight.outputs, rows: rows, device: device)
    }

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
        precondition(x.width == weight.inputs && y.width == weight.outputs, "rows of another width")
        let geometry = geometry(weight, rows: rows)
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
            grid: (device.multiprocessors, 1, 1),
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

extension StreamedGeometry.Device {
    fileprivate init(_ context: Context) {
        self.init(multiprocessors: context.multiprocessorCount, sharedBytes: context.sharedBytesPerBlock)
    }
}
