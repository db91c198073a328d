internal import CCUDA
internal import Core

/// How cuBLASLt computes products of one shape: descriptors and an algorithm. Made by `DenseProduct`.
package final class DensePlan {
    package let shape: DenseShape
    /// The algorithm in use; nil until one is chosen, which `DenseProduct` does before it hands a plan out.
    package internal(set) var algorithm: DenseAlgorithm? {
        didSet { native = algorithm?.native ?? cublasLtMatmulAlgo_t() }
    }

    let operation: cublasLtMatmulDesc_t
    let weight: cublasLtMatrixLayout_t
    let input: cublasLtMatrixLayout_t
    let output: cublasLtMatrixLayout_t
    private(set) var native = cublasLtMatmulAlgo_t()
    private let library: CUBLASLt

    /// cuBLASLt counts by columns: to it, row-major W `[N, K]` is `[K, N]`, X is `[K, T]`, and `Yᵀ = (Wᵀ)ᵀ · Xᵀ`.
    init(_ library: CUBLASLt, _ shape: DenseShape) throws(CUDAError) {
        self.library = library
        self.shape = shape
        operation = try library.makeOperation()
        weight = try library.makeLayout(shape.element, shape.inputs, shape.outputs, stride: shape.weightStride)
        input = try library.makeLayout(shape.element, shape.inputs, shape.rows, stride: shape.inputStride)
        output = try library.makeLayout(shape.result, shape.outputs, shape.rows, stride: shape.outputStride)
    }

    deinit {
        _ = library.functions.matmulDescDestroy(operation)
        for layout in [weight, input, output] { _ = library.functions.matrixLayoutDestroy(layout) }
    }
}

extension CUBLASLt {
    /// `alpha · op(A) · B + beta · C` with A transposed, all in float32 inside.
    fileprivate func makeOperation() throws(CUDAError) -> cublasLtMatmulDesc_t {
        var operation: cublasLtMatmulDesc_t?
        let status = functions.matmulDescCreate(&operation, Int32(CUBLAS_COMPUTE_32F), Int32(CUDA_R_32F))
        try check(status, "cublasLtMatmulDescCreate")
        guard let operation else { preconditionFailure("cublasLtMatmulDescCreate succeeded without a descriptor") }
        var transposed = Int32(CUBLAS_OP_T)
        let attribute = Int32(CUBLASLT_MATMUL_DESC_TRANSA)
        let set = functions.matmulDescSetAttribute(operation, attribute, &transposed, MemoryLayout<Int32>.size)
        try check(set, "cublasLtMatmulDescSetAttribute")
        return operation
    }

    fileprivate func makeLayout(
        _ type: ScalarType,
        _ rows: Int,
        _ columns: Int,
        stride: Int
    ) throws(CUDAError) -> cublasLtMatrixLayout_t {
        var layout: cublasLtMatrixLayout_t?
        let status = functions.matrixLayoutCreate(
            &layout,
            type.cudaType,
            UInt64(rows),
            UInt64(columns),
            Int64(stride)
        )
        try check(status, "cublasLtMatrixLayoutCreate")
        guard let layout else { preconditionFailure("cublasLtMatrixLayoutCreate succeeded without a layout") }
        return layout
    }
}

extension ScalarType {
    fileprivate var cudaType: Int32 {
        switch self {
        case .float32: Int32(CUDA_R_32F)
        case .float16: Int32(CUDA_R_16F)
        case .bfloat16: Int32(CUDA_R_16BF)
        }
    }
}
