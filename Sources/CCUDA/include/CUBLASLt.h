#pragma once

// What of cuBLASLt's interface this package uses. CUDA/CUBLASLtFunctions.swift names the symbols.

#include "CUDADriver.h"

typedef int cublasStatus_t;
typedef struct cublasLtContext *cublasLtHandle_t;
typedef struct cublasLtMatmulDesc *cublasLtMatmulDesc_t;
typedef struct cublasLtMatrixLayout *cublasLtMatrixLayout_t;
typedef struct cublasLtMatmulPreference *cublasLtMatmulPreference_t;

enum {
    CUDA_R_32F = 0,
    CUDA_R_16F = 2,
    CUDA_R_16BF = 14,
    CUBLAS_OP_T = 1,
    CUBLAS_STATUS_NOT_SUPPORTED = 15,
    CUBLAS_COMPUTE_32F = 68,
    CUBLASLT_MATMUL_DESC_TRANSA = 3,
    CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1,
    CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK = 3,
    CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE = 2,
};

/// Plain bytes: may be stored and used again with the same version of the library and the same kind of GPU.
typedef struct {
    uint64_t words[8];
} cublasLtMatmulAlgo_t;

typedef struct {
    cublasLtMatmulAlgo_t algorithm;
    size_t workspaceBytes;
    cublasStatus_t state;
    float wavesCount;
    int reserved[4];
} cublasLtMatmulHeuristicResult_t;

typedef struct {
    size_t (*_Nonnull getVersion)(void);
    const char *_Nonnull (*_Nonnull getStatusName)(cublasStatus_t);
    const char *_Nonnull (*_Nonnull getStatusString)(cublasStatus_t);
    cublasStatus_t (*_Nonnull create)(cublasLtHandle_t _Nullable *_Nonnull handle);
    cublasStatus_t (*_Nonnull destroy)(cublasLtHandle_t _Nonnull);
    cublasStatus_t (*_Nonnull matmulDescCreate)(
        cublasLtMatmulDesc_t _Nullable *_Nonnull, int computeType, int scaleType);
    cublasStatus_t (*_Nonnull matmulDescDestroy)(cublasLtMatmulDesc_t _Nonnull);
    cublasStatus_t (*_Nonnull matmulDescSetAttribute)(
        cublasLtMatmulDesc_t _Nonnull, int attribute, const void *_Nonnull value, size_t byteCount);
    cublasStatus_t (*_Nonnull matrixLayoutCreate)(
        cublasLtMatrixLayout_t _Nullable *_Nonnull, int type, uint64_t rows, uint64_t columns, int64_t stride);
    cublasStatus_t (*_Nonnull matrixLayoutDestroy)(cublasLtMatrixLayout_t _Nonnull);
    cublasStatus_t (*_Nonnull matmulPreferenceCreate)(cublasLtMatmulPreference_t _Nullable *_Nonnull);
    cublasStatus_t (*_Nonnull matmulPreferenceDestroy)(cublasLtMatmulPreference_t _Nonnull);
    cublasStatus_t (*_Nonnull matmulPreferenceSetAttribute)(
        cublasLtMatmulPreference_t _Nonnull, int attribute, const void *_Nonnull value, size_t byteCount);
    cublasStatus_t (*_Nonnull matmulAlgoGetHeuristic)(
        cublasLtHandle_t _Nonnull, cublasLtMatmulDesc_t _Nonnull, cublasLtMatrixLayout_t _Nonnull a,
        cublasLtMatrixLayout_t _Nonnull b, cublasLtMatrixLayout_t _Nonnull c, cublasLtMatrixLayout_t _Nonnull d,
        cublasLtMatmulPreference_t _Nonnull, int capacity, cublasLtMatmulHeuristicResult_t *_Nonnull results,
        int *_Nonnull count);
    cublasStatus_t (*_Nonnull matmulAlgoCheck)(
        cublasLtHandle_t _Nonnull, cublasLtMatmulDesc_t _Nonnull, cublasLtMatrixLayout_t _Nonnull a,
        cublasLtMatrixLayout_t _Nonnull b, cublasLtMatrixLayout_t _Nonnull c, cublasLtMatrixLayout_t _Nonnull d,
        const cublasLtMatmulAlgo_t *_Nonnull, cublasLtMatmulHeuristicResult_t *_Nonnull result);
    cublasStatus_t (*_Nonnull matmul)(
        cublasLtHandle_t _Nonnull, cublasLtMatmulDesc_t _Nonnull, const void *_Nonnull alpha, uint64_t a,
        cublasLtMatrixLayout_t _Nonnull, uint64_t b, cublasLtMatrixLayout_t _Nonnull, const void *_Nonnull beta,
        uint64_t c, cublasLtMatrixLayout_t _Nonnull, uint64_t d, cublasLtMatrixLayout_t _Nonnull,
        const cublasLtMatmulAlgo_t *_Nonnull, uint64_t workspace, size_t workspaceBytes, CUstream _Nonnull);
} CUBLASLtFunctions;
