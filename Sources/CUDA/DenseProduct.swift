internal import CCUDA

/// Products `Y[T, N] = X[T, K] · W[N, K]ᵀ` by cuBLASLt.
///
/// Its workspace serves one product at a time: streams that run beside each other need a `DenseProduct` each.
package final class DenseProduct {
    package let context: Context
    package let library: CUBLASLt
    package let choices: DenseChoices

    private let handle: cublasLtHandle_t
    private let preference: cublasLtMatmulPreference_t
    private let workspace: DeviceBuffer
    private var plans: [DenseShape: DensePlan] = [:]

    /// - Parameters:
    ///   - choices: algorithms chosen before; those the library no longer takes are passed over.
    ///   - workspaceBytes: what algorithms may use beside their operands; less rules some out.
    package init(
        _ context: Context,
        _ library: CUBLASLt,
        choices: DenseChoices = DenseChoices(),
        workspaceBytes: Int = 32 << 20
    ) throws(CUDAError) {
        self.context = context
        self.library = library
        self.choices = choices
        workspace = try DeviceBuffer(context, byteCount: workspaceBytes)
        var handle: cublasLtHandle_t?
        try library.check(library.functions.create(&handle), "cublasLtCreate")
        var preference: cublasLtMatmulPreference_t?
        try library.check(library.functions.matmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate")
        guard let handle, let preference else { preconditionFailure("cuBLASLt succeeded without a handle") }
        self.handle = handle
        self.preference = preference
        try prefer(UInt64(workspaceBytes), as: CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
        // Other schemes add partial sums in the type of the result, and what 16 bits round away is lost.
        let scheme = UInt32(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE)
        try prefer(scheme, as: CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK)
    }

    private func prefer<Value: BitwiseCopyable>(_ value: Value, as attribute: Int) throws(CUDAError) {
        let status = withUnsafeBytes(of: value) { bytes in
            guard let start = bytes.baseAddress else { preconditionFailure("a preference without bytes") }
            return library.functions.matmulPreferenceSetAttribute(preference, Int32(attribute), start, bytes.count)
        }
        try library.check(status, "cublasLtMatmulPreferenceSetAttribute")
    }

    deinit {
        context.release { _ in
            _ = library.functions.matmulPreferenceDestroy(preference)
            return library.functions.destroy(handle)
        }
    }

    /// How products of a shape are computed: as tuned or chosen before, else the library's own first guess.
    ///
    /// The plan is made once and kept; ask for it outside the step.
    package func plan(_ shape: DenseShape) throws(CUDAError) -> DensePlan {
        if let plan = plans[shape] { return plan }
        let plan = try DensePlan(library, shape)
        if let chosen = choices[shape], let algorithm = accepted(chosen, for: plan) {
            plan.algorithm = algorithm
        } else {
            guard let first = try candidates(for: plan, limit: 1).first else { throw .noAlgorithm(shape) }
            plan.algorithm = first
        }
        plans[shape] = plan
        return plan
    }

    /// Computes a product in the stream's order; allocates nothing and returns before it runs.
    ///
    /// - Parameters:
    ///   - x: address of X, 16-byte aligned as the other two.
    ///   - weight: address of W.
    ///   - y: address of Y.
    package func multiply(
        _ plan: DensePlan,
        _ x: UInt64,
        by weight: UInt64,
        into y: UInt64,
        on stream: Stream
    ) throws(CUDAError) {
        assert(context.isCurrent)
        var alpha: Float = 1
        var beta: Float = 0
        var algorithm = plan.native
        let status = library.functions.matmul(
            handle,
            plan.operation,
            &alpha,
            weight,
            plan.weight,
            x,
            plan.input,
            &beta,
            y,
            plan.output,
            y,
            plan.output,
            &algorithm,
            workspace.address,
            workspace.byteCount,
            stream.handle
        )
        try library.check(status, "cublasLtMatmul")
    }

    /// The library's guesses for a plan's shape, likely best first.
    func candidates(for plan: DensePlan, limit: Int) throws(CUDAError) -> [DenseAlgorithm] {
        var results = [cublasLtMatmulHeuristicResult_t](repeating: .init(), count: limit)
        var count: Int32 = 0
        let status = library.functions.matmulAlgoGetHeuristic(
            handle,
            plan.operation,
            plan.weight,
            plan.input,
            plan.output,
            plan.output,
            preference,
            Int32(limit),
            &results,
            &count
        )
        // The library answers so when it knows no algorithm; that is an empty list.
        if Int(status) == CUBLAS_STATUS_NOT_SUPPORTED { return [] }
        try library.check(status, "cublasLtMatmulAlgoGetHeuristic")
        return results.prefix(Int(count)).filter { $0.state == 0 }.map(DenseAlgorithm.init)
    }

    /// An algorithm chosen before, if the library still takes it for this shape within the workspace.
    private func accepted(_ chosen: DenseAlgorithm, for plan: DensePlan) -> DenseAlgorithm? {
        var result = cublasLtMatmulHeuristicResult_t()
        var algorithm = chosen.native
        let status = library.functions.matmulAlgoCheck(
            handle,
            plan.operation,
            plan.weight,
            plan.input,
            plan.output,
            plan.output,
            &algorithm,
            &result
        )
        guard status == 0, result.state == 0, result.workspaceBytes <= workspace.byteCount else { return nil }
        return chosen
    }
}
