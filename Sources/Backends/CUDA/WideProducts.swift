internal import CUDA
internal import CUDAKernels
internal import Core

/// When products of 17 to 64 rows are computed by a kernel of our own (`WideProducts`).
package enum WideProductUse: Sendable {
    case never
    /// Where it measures quicker than the library's best algorithm.
    case quicker
    /// Wherever it can, to check it.
    case always
}

/// Dense products of up to 64 rows by the tensor cores' asynchronous instructions, on GPUs that have them
/// (dense_wide.cu).
final class WideProducts {
    static let mostRows = Int(DENSE_WIDE_ROWS)

    /// Products of one shape.
    struct Shape: Hashable {
        let outputs: Int
        let inputs: Int
        /// As many as a bucket has.
        let rows: Int
    }

    private let kernels: [WideGeometry: Kernel]
    private let device: StreamedGeometry.Device
    /// How products are computed; those of other shapes are the library's.
    private var choices: [Shape: WideGeometry] = [:]

    /// The geometries that a model's products may have, in the order of `jobs`; none where the GPU cannot.
    static func geometries(
        _ context: Context,
        _ groups: LowRankGroups,
        _ use: WideProductUse
    ) -> [WideGeometry] {
        guard use != .never, context.computeCapability.major == 9 else { return [] }
        let device = StreamedGeometry.Device(context)
        let all = groups.everyKind.flatMap { kind in
            geometries(outputs: kind.outputs.reduce(0, +), inputs: kind.inputs, device)
        }
        return Set(all).sorted { ($0.columns, $0.cluster, $0.depth) < ($1.columns, $1.cluster, $1.depth) }
    }

    static func jobs(_ geometries: [WideGeometry], type: ScalarType) -> [KernelJob] {
        geometries.map { geometry in
            KernelJob(
                KernelSource(embedded: "dense_wide.cu"),
                defines: [
                    "PUNICA_BF16": type == .bfloat16 ? "1" : "0",
                    "DENSE_WIDE_COLUMNS": "\(geometry.columns)",
                    "DENSE_WIDE_CLUSTER": "\(geometry.cluster)",
                    "DENSE_WIDE_DEPTH": "\(geometry.depth)",
                ]
            )
        }
    }

    /// - Parameter modules: of `jobs`.
    init(_ context: Context, _ geometries: [WideGeometry], _ modules: [Module]) throws(CUDAError) {
        device = StreamedGeometry.Device(context)
        var kernels: [WideGeometry: Kernel] = [:]
        for (geometry, module) in zip(geometries, modules) {
            kernels[geometry] = try module.kernel("punica_dense_wide")
        }
        self.kernels = kernels
    }

    private static func geometries(
        outputs: Int,
        inputs: Int,
        _ device: StreamedGeometry.Device
    ) -> [WideGeometry] {
        WideGeometry.clusters.compactMap { cluster in
            WideGeometry(outputs: outputs, inputs: inputs, cluster: cluster, device: device)
        }
    }

    /// How a product can be computed; empty where it cannot.
    func geometries(_ weight: CUDAMatrix, rows: Int) -> [WideGeometry] {
        guard rows <= Self.mostRows else { return [] }
        return Self.geometries(outputs: weight.outputs, inputs: weight.inputs, device).filter { kernels[$0] != nil }
    }

    /// How products of a shape are to be computed; nil leaves them to the library.
    subscript(shape: Shape) -> WideGeometry? {
        get { choices[shape] }
        set { choices[shape] = newValue }
    }

    /// `y = x · Wᵀ`
    func multiply(
        _ x: UInt64,
        by weight: CUDAMatrix,
        rows: Int,
        _ geometry: WideGeometry,
        into y: UInt64,
        isFloat: Bool,
        on stream: Stream
    ) throws(CUDAError) {
        guard let kernel = kernels[geometry] else { preconditionFailure("no kernel for \(weight.outputs) outputs") }
        let parameters = DenseWideParams(
            x: x,
            weight: weight.address,
            y: y,
            rows: Int32(rows),
            inputs: Int32(weight.inputs),
            outputs: Int32(weight.outputs),
            isFloat: isFloat ? 1 : 0
        )
        try kernel.launch(
            parameters,
            grid: (geometry.grid(outputs: weight.outputs), 1, 1),
            block: WideGeometry.threads,
            sharedBytes: geometry.sharedBytes,
            cluster: (geometry.cluster, 1, 1),
            overlapsPredecessor: true,
            on: stream
        )
    }
}
