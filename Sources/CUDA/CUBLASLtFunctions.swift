internal import CCUDA

extension CUBLASLtFunctions {
    init(_ library: DynamicLibrary) throws(CUDAError) {
        self.init(
            getVersion: try library.function("cublasLtGetVersion"),
            getStatusName: try library.function("cublasLtGetStatusName"),
            getStatusString: try library.function("cublasLtGetStatusString"),
            create: try library.function("cublasLtCreate"),
            destroy: try library.function("cublasLtDestroy"),
            matmulDescCreate: try library.function("cublasLtMatmulDescCreate"),
            matmulDescDestroy: try library.function("cublasLtMatmulDescDestroy"),
            matmulDescSetAttribute: try library.function("cublasLtMatmulDescSetAttribute"),
            matrixLayoutCreate: try library.function("cublasLtMatrixLayoutCreate"),
            matrixLayoutDestroy: try library.function("cublasLtMatrixLayoutDestroy"),
            matmulPreferenceCreate: try library.function("cublasLtMatmulPreferenceCreate"),
            matmulPreferenceDestroy: try library.function("cublasLtMatmulPreferenceDestroy"),
            matmulPreferenceSetAttribute: try library.function("cublasLtMatmulPreferenceSetAttribute"),
            matmulAlgoGetHeuristic: try library.function("cublasLtMatmulAlgoGetHeuristic"),
            matmulAlgoCheck: try library.function("cublasLtMatmulAlgoCheck"),
            matmul: try library.function("cublasLtMatmul")
        )
    }
}
