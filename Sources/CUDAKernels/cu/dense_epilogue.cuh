// What becomes of a product's sums: a lane has a column of a set, a warp the rows whose number it has (modulo the warps).
//
// Where a norm follows, y is the residual stream: y · norm is left in 16 bits for the next products, and each block's sums
// of squares, from which they find what their outputs are still to be multiplied by. So the norm costs no launch and
// nothing waits for it. That is for bfloat16: in IEEE half y · norm could be too large. And it is for launches without
// updates: one with updates looks up its adapters while a norm of its own runs, and would gain nothing.
#pragma once

#include "dense_shape.cuh"

namespace dense {

// Whether products add to the residual stream, divide what norms have left, and leave such themselves.
constexpr bool kMeetsNorms = !DENSE_UPDATES;

// Past the first cache, where what another launch has written may not have arrived.
__device__ __forceinline__ float loadFresh(const float *pointer) {
  float value;
  asm volatile("ld.global.cg.f32 %0, [%1];" : "=f"(value) : "l"(pointer) : "memory");
  return value;
}

// The sums over the warp, in all lanes. Rolled: short in code.
__device__ __forceinline__ void sumOverWarp(float (&x)[kRowTiles]) {
#pragma unroll 1
  for (int distance = 16; distance > 0; distance /= 2) {
#pragma unroll
    for (int j = 0; j < kRowTiles; ++j) x[j] += __shfl_xor_sync(~0u, x[j], distance);
  }
}

// What outputs need besides sums; asked for long before.
struct EpilogueInputs {
  // What they are added to.
  float olds[kRowTiles] = {};
  // What the norm multiplies this column by.
  float norm = 0;

  __device__ __forceinline__ EpilogueInputs(const DenseStreamParams &p, const Column &column, int warp) {
    if (!kMeetsNorms || !column.exists) return;
    if (p.norm) norm = p.norm[column.output];
    if (!p.adds) return;
    const float *y = static_cast<const float *>(p.y) + column.output;
#pragma unroll
    for (int j = 0; j < kRowTiles; ++j) {
      const int row = warp + kWarps * j;
      if (row < p.rows) olds[j] = loadFresh(y + static_cast<long long>(row) * p.yPitch);
    }
  }
};

// Outputs on their way out.
struct Epilogue {
  const DenseStreamParams &p;
  const int warp;
  // Of this lane's outputs, for each row.
  float squares[kRowTiles] = {};

  __device__ __forceinline__ Epilogue(const DenseStreamParams &p, int warp) : p(p), warp(warp) {}

  __device__ __forceinline__ void store(const Column &column, const float (&outputs)[kRowTiles], float norm) {
#pragma unroll
    for (int j = 0; j < kRowTiles; ++j) {
      const int row = warp + kWarps * j;
      const bool exists = column.exists && row < p.rows;
      const float sum = outputs[j], up = __shfl_down_sync(~0u, sum, kTile / 2);
      if (!p.isGated) {
        if (exists) store(row, column, sum, norm, squares[j]);
      } else if (exists && column.member == 0) {
        static_cast<u16 *>(p.y)[static_cast<long long>(row) * p.yPitch + column.output] = gated(sum, up);
      }
    }
  }

  __device__ __forceinline__ void store(int row, const Column &column, float sum, float norm, float &square) const {
    if (p.bias) sum += p.bias[column.output];
    const long long place = static_cast<long long>(row) * p.yPitch + column.output;
    if (p.isFloat) static_cast<float *>(p.y)[place] = sum;
    else static_cast<u16 *>(p.y)[place] = narrow(sum);
    if (!kMeetsNorms || !p.norm) return;
    static_cast<u16 *>(p.normed)[static_cast<long long>(row) * p.normedPitch + column.output] = narrow(sum * norm);
    square += sum * sum;
  }

  // When all sets are stored.
  __device__ __forceinline__ void finish() {
    if (!kMeetsNorms || !p.norm) return;
    sumOverWarp(squares);
#pragma unroll
    for (int j = 0; j < kRowTiles; ++j) {
      const int row = warp + kWarps * j;
      if (threadIdx.x % 32 == 0 && row < p.rows) p.outputSquares[row * gridDim.x + blockIdx.x] = squares[j];
    }
  }
};

// Leaves what the outputs of a warp's rows are to be multiplied by.
__device__ __forceinline__ void findFactors(const DenseStreamParams &p, int warp, float *factors) {
  float sums[kRowTiles] = {};
#pragma unroll 2
  for (int block = threadIdx.x % 32; p.squares && block < gridDim.x; block += 32) {
#pragma unroll
    for (int j = 0; j < kRowTiles; ++j) {
      const int row = warp + kWarps * j;
      if (row < p.rows) sums[j] += loadFresh(p.squares + row * gridDim.x + block);
    }
  }
  if (p.squares) sumOverWarp(sums);
#pragma unroll
  for (int j = 0; j < kRowTiles; ++j) {
    factors[warp + kWarps * j] = p.squares ? rsqrtf(sums[j] * p.inverse + p.epsilon) : 1.0f;
  }
  __syncwarp();
}

}  // namespace dense
