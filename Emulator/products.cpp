#include <vector>

#include "../Sources/CCUDA/include/CUBLASLt.h"
#include "device.hpp"
#include "half.hpp"

// cuBLASLt's functions that Sources/CUDA/CUBLASLtFunctions.swift asks for. A product is D = A^T * B, by columns.

struct cublasLtMatmulDesc {
    int transposesA = 0;
};

struct cublasLtMatrixLayout {
    int type = CUDA_R_32F;
    size_t rows = 0, columns = 0;
    int64_t stride = 0;
};

namespace {

float read(uint64_t address, int type, size_t index) {
    switch (type) {
        case CUDA_R_16F: return gpu::widenHalf(reinterpret_cast<const uint16_t *>(address)[index]);
        case CUDA_R_16BF: return gpu::widenBrain(reinterpret_cast<const uint16_t *>(address)[index]);
        default: return reinterpret_cast<const float *>(address)[index];
    }
}

void write(uint64_t address, int type, size_t index, float value) {
    switch (type) {
        case CUDA_R_16F: reinterpret_cast<uint16_t *>(address)[index] = gpu::narrowHalf(value); break;
        case CUDA_R_16BF: reinterpret_cast<uint16_t *>(address)[index] = gpu::narrowBrain(value); break;
        default: reinterpret_cast<float *>(address)[index] = value;
    }
}

float dot(const float *x, const float *y, size_t count) {
    float sums[16] = {}, sum = 0;
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        for (size_t k = 0; k < 16; ++k) sums[k] += x[i + k] * y[i + k];
    }
    for (; i < count; ++i) sum += x[i] * y[i];
    for (const float part : sums) sum += part;
    return sum;
}

void require(uint64_t address, const cublasLtMatrixLayout &layout) {
    const size_t size = layout.type == CUDA_R_32F ? 4 : 2;
    const size_t bytes = ((layout.columns - 1) * layout.stride + layout.rows) * size;
    if (!gpu::Device::current().memory.find(address).holds(address, bytes)) {
        throw gpu::AddressFault("a product's address is in no memory");
    }
}

struct Product {
    uint64_t a, b, c, d;
    cublasLtMatrixLayout layoutA, layoutB, layoutC, layoutD;
    float alpha, beta;

    void compute() const {
        require(a, layoutA);
        require(b, layoutB);
        require(d, layoutD);
        const size_t inner = layoutA.rows, rows = layoutA.columns, columns = layoutB.columns;
        std::vector<float> inputs(inner * columns), weights(inner);
        for (size_t j = 0; j < columns; ++j) {
            for (size_t k = 0; k < inner; ++k) inputs[j * inner + k] = read(b, layoutB.type, j * layoutB.stride + k);
        }
        for (size_t i = 0; i < rows; ++i) {
            for (size_t k = 0; k < inner; ++k) weights[k] = read(a, layoutA.type, i * layoutA.stride + k);
            for (size_t j = 0; j < columns; ++j) {
                float value = alpha * dot(weights.data(), inputs.data() + j * inner, inner);
                if (beta != 0) value += beta * read(c, layoutC.type, j * layoutC.stride + i);
                write(d, layoutD.type, j * layoutD.stride + i, value);
            }
        }
    }
};

} // namespace

extern "C" {

size_t cublasLtGetVersion(void) { return 130000; }
const char *cublasLtGetStatusName(cublasStatus_t status) {
    return status == 0 ? "CUBLAS_STATUS_SUCCESS" : "CUBLAS_STATUS_NOT_SUPPORTED";
}
const char *cublasLtGetStatusString(cublasStatus_t status) { return cublasLtGetStatusName(status); }

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle) {
    *handle = reinterpret_cast<cublasLtHandle_t>(&gpu::Device::current());
    return 0;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t) { return 0; }

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *description, int computeType, int scaleType) {
    if (computeType != CUBLAS_COMPUTE_32F || scaleType != CUDA_R_32F) return CUBLAS_STATUS_NOT_SUPPORTED;
    *description = new cublasLtMatmulDesc();
    return 0;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t description) {
    delete description;
    return 0;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(
    cublasLtMatmulDesc_t description, int attribute, const void *value, size_t) {
    if (attribute != CUBLASLT_MATMUL_DESC_TRANSA) return CUBLAS_STATUS_NOT_SUPPORTED;
    description->transposesA = *static_cast<const int *>(value);
    return 0;
}

cublasStatus_t cublasLtMatrixLayoutCreate(
    cublasLtMatrixLayout_t *layout, int type, uint64_t rows, uint64_t columns, int64_t stride) {
    *layout = new cublasLtMatrixLayout{type, rows, columns, stride};
    return 0;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
    delete layout;
    return 0;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference) {
    static int any;
    *preference = reinterpret_cast<cublasLtMatmulPreference_t>(&any);
    return 0;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t) { return 0; }
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t, int, const void *, size_t) { return 0; }

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(
    cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
    cublasLtMatrixLayout_t, cublasLtMatmulPreference_t, int, cublasLtMatmulHeuristicResult_t *results, int *count) {
    results[0] = {};
    *count = 1;
    return 0;
}

cublasStatus_t cublasLtMatmulAlgoCheck(
    cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
    cublasLtMatrixLayout_t, const cublasLtMatmulAlgo_t *, cublasLtMatmulHeuristicResult_t *result) {
    *result = {};
    return 0;
}

cublasStatus_t cublasLtMatmul(
    cublasLtHandle_t, cublasLtMatmulDesc_t description, const void *alpha, uint64_t a, cublasLtMatrixLayout_t layoutA,
    uint64_t b, cublasLtMatrixLayout_t layoutB, const void *beta, uint64_t c, cublasLtMatrixLayout_t layoutC,
    uint64_t d, cublasLtMatrixLayout_t layoutD, const cublasLtMatmulAlgo_t *, uint64_t, size_t, CUstream stream) {
    if (description->transposesA != CUBLAS_OP_T) return CUBLAS_STATUS_NOT_SUPPORTED;
    gpu::Device &device = *stream->device;
    const std::lock_guard<std::recursive_mutex> lock(device.mutex);
    const Product product{
        a,
        b,
        c,
        d,
        *layoutA,
        *layoutB,
        *layoutC,
        *layoutD,
        *static_cast<const float *>(alpha),
        *static_cast<const float *>(beta)};
    return device.submit(stream, [product] { product.compute(); }) == CUDA_SUCCESS ? 0 : 14;
}

} // extern "C"
