// What becomes of a product's sums: a lane has a column of a set, a warp the rows whose number it has (modulo the warps).
//
// Where a norm follows, y is the residual stream: y · norm is left in 16 bits for the next products, and each block's sums
// of squares, from which they find what their outputs are still to be multiplied by. So the norm costs no launch and
// nothing waits for it. That is for bfloat16: in IEEE half y · norm could be too large.
#pragma once

#include "dense_shape.cuh"

namespace dense {

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

  EpilogueInputs() = default;

  __device__ __forceinline__ EpilogueInputs(const DenseStreamParams &p, const Column &column, int warp) {
    if (!column.exists) return;
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
    if (!p.norm) return;
    static_cast<u16 *>(p.normed)[static_cast<long long>(row) * p.normedPitch + column.output] = narrow(sum * norm);
    square += sum * sum;
  }

  // When all sets are stored.
  __device__ __forceinline__ void finish() {
    if (!p.norm) return;
    sumOverWarp(squares);
#pragma unroll
    for (int j = 0; j < kRowTiles; ++j) {
      const int row = warp + kWarps * j;
      if (threadIdx.x % 32 == 0 && row < p.rows) p.outputSquares[row * gridDim.x + blockIdx.x] = squares[j];
    }
  }
};

// All blocks' sums of squares of a warp's rows, all asked for at once.
struct Squares {
  // Of so many times 32 blocks; of what blocks there are beyond, when they are needed.
  static constexpr int kRounds = 5;
  const DenseStreamParams &p;
  const int warp;
  float values[kRounds][kRowTiles];

  __device__ __forceinline__ Squares(const DenseStreamParams &p, int warp) : p(p), warp(warp) {
#pragma unroll
    for (int i = 0; i < kRounds; ++i) {
#pragma unroll
      for (int j = 0; j < kRowTiles; ++j) values[i][j] = load(i, j);
    }
  }

  __device__ __forceinline__ float load(int round, int j) const {
    const int block = 32 * round + threadIdx.x % 32, row = warp + kWarps * j;
    const bool exists = p.squares && block < gridDim.x && row < p.rows;
    return exists ? loadFresh(p.squares + row * gridDim.x + block) : 0;
  }

  // Leaves what the outputs of the warp's rows are to be multiplied by.
  __device__ __forceinline__ void leaveFactors(float *factors) const {
    float sums[kRowTiles] = {};
#pragma unroll
    for (int j = 0; j < kRowTiles; ++j) {
#pragma unroll
      for (int i = 0; i < kRounds; ++i) sums[j] += values[i][j];
#pragma unroll 1
      for (int i = kRounds; 32 * i < gridDim.x; ++i) sums[j] += load(i, j);
    }
    if (p.squares) sumOverWarp(sums);
#pragma unroll
    for (int j = 0; j < kRowTiles; ++j) {
      factors[warp + kWarps * j] = p.squares ? rsqrtf(sums[j] * p.inverse + p.epsilon) : 1.0f;
    }
    __syncwarp();
  }
};

}  // namespace dense
