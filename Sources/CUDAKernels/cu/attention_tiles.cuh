// What attention kernels share: sizes of the model, tiles of 16-bit numbers in shared memory, matrix instructions.
//
// Constants: PUNICA_HEADS (H), PUNICA_KV_HEADS (G), PUNICA_HEAD_SIZE (D, a multiple of 8, at most 256),
// PUNICA_BLOCK_SIZE (P).
#pragma once

#include "TileAttentionParams.h"
#include "common.cuh"
#include "head_shape.cuh"

namespace punica {

__device__ constexpr int heads = PUNICA_HEADS, kvHeads = PUNICA_KV_HEADS, headSize = PUNICA_HEAD_SIZE;
__device__ constexpr int blockSize = PUNICA_BLOCK_SIZE, group = heads / kvHeads;
static_assert(headSize % 8 == 0 && headSize <= 256, "rows are copied 16 bytes at a time");
static_assert(heads % kvHeads == 0, "every key has as many queries");

// Heads are padded with zeros to whole matrix instructions.
__device__ constexpr int depth = (headSize + 15) / 16 * 16;
// Elements from a row of a tile to the next: an odd number of 16 bytes, so that eight rows lie in different banks.
__device__ constexpr int rowPitch = depth + 8;
__device__ constexpr int rowPieces = depth / 8;
__device__ constexpr int64_t toValues = static_cast<int64_t>(kvHeads) * blockSize * headSize * sizeof(element);

__device__ __forceinline__ unsigned sharedAddress(const void *p) {
    return static_cast<unsigned>(__cvta_generic_to_shared(p));
}

// Copies 16 bytes behind the program's back, or writes zeros; the address is not read then.
__device__ __forceinline__ void copyAsync(unsigned to, const void *from, bool isThere) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(isThere ? 16 : 0) : "memory");
}

__device__ __forceinline__ void endCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits for this thread's groups of copies but the last `pending`.
template <int pending>
__device__ __forceinline__ void waitForCopies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

__device__ __forceinline__ void loadMatrices(unsigned (&r)[4], unsigned address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
}

__device__ __forceinline__ void loadTransposed(unsigned (&r)[4], unsigned address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
}

// c[16, 8] += a[16, 16] · b[16, 8]
__device__ __forceinline__ void multiply(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
#if PUNICA_BF16
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
#else
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
#endif
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Where this lane's row of four matrices starts in a tile, for keys as the second factor.
__device__ __forceinline__ int keyPlace() { return ((lane() & 7) + (lane() >> 4) * 8) * rowPitch + (lane() >> 3 & 1) * 8; }
// The same for queries as the first factor, and for transposed values as the second.
__device__ __forceinline__ int rowPlace() { return (lane() & 15) * rowPitch + (lane() >> 4) * 8; }

// The running softmax of 16 rows over tiles of 8 · `columns` keys; a lane has rows lane / 4 and lane / 4 + 8.
struct Softmax {
    float largest[2];
    float sum[2];
    float output[depth / 8][4];

    __device__ __forceinline__ void clear() {
        largest[0] = largest[1] = -infinity();
        sum[0] = sum[1] = 0;
#pragma unroll
        for (int n = 0; n < depth / 8; n++) output[n][0] = output[n][1] = output[n][2] = output[n][3] = 0;
    }

    // Turns scores, -infinity where unseen, into weights. `sum` is this lane's part only.
    template <int columns>
    __device__ __forceinline__ void weigh(float (&scores)[columns][4], float scale) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float most = largest[half];
#pragma unroll
            for (int n = 0; n < columns; n++) most = fmaxf(most, fmaxf(scores[n][2 * half], scores[n][2 * half + 1]));
            most = fmaxf(most, __shfl_xor_sync(allLanes, most, 1));
            most = fmaxf(most, __shfl_xor_sync(allLanes, most, 2));
            const float zero = most == -infinity() ? 0.0f : most * scale;
            const float keep = power(largest[half] * scale - zero);
            largest[half] = most;
            float added = 0;
#pragma unroll
            for (int n = 0; n < columns; n++) {
#pragma unroll
                for (int i = 2 * half; i < 2 * half + 2; i++) {
                    scores[n][i] = power(scores[n][i] * scale - zero);
                    added += scores[n][i];
                }
            }
            sum[half] = sum[half] * keep + added;
#pragma unroll
            for (int n = 0; n < depth / 8; n++) {
                output[n][2 * half] *= keep;
                output[n][2 * half + 1] *= keep;
            }
        }
    }

    __device__ __forceinline__ void finish() {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            sum[half] += __shfl_xor_sync(allLanes, sum[half], 1);
            sum[half] += __shfl_xor_sync(allLanes, sum[half], 2);
        }
    }
};

// Weights of 16 keys as a first factor.
template <int columns>
__device__ __forceinline__ void packWeights(unsigned (&a)[4], const float (&weights)[columns][4], int k) {
    a[0] = toPair(weights[2 * k][0], weights[2 * k][1]);
    a[1] = toPair(weights[2 * k][2], weights[2 * k][3]);
    a[2] = toPair(weights[2 * k + 1][0], weights[2 * k + 1][1]);
    a[3] = toPair(weights[2 * k + 1][2], weights[2 * k + 1][3]);
}

}  // namespace punica
