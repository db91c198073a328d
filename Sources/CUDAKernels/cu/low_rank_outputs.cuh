// The second half of every LoRA kernel: tiles of v·Bᵀ, and y read, added to and written 8 outputs at a time.
#pragma once

#include "low_rank.cuh"

// 1: results go to float rows of their own, before column scales; 0: they are added to y.
#ifndef LOW_RANK_APART
#define LOW_RANK_APART 0
#endif

namespace low_rank {

#if LOW_RANK_APART
using Result = float;
#else
using Result = u16;
#endif

// Floats between rows of a warp's 8 x 32 tile of results.
constexpr int kTilePitch = 36;

// 8 neighbouring outputs of a row: where in y, which columns of their member, how many of them exist.
struct Outputs {
  Result *y;
  int column, count;
  bool aligned;

  __device__ __forceinline__ bool isWhole() const { return aligned && count == 8; }

  // Reads ahead what `store` will need.
  __device__ __forceinline__ Quad load() const { return !LOW_RANK_APART && isWhole() ? loadGlobal(y) : Quad{0, 0, 0, 0}; }
};

__device__ __forceinline__ u32 combine(u32 y, float d0, float d1, float scale, float c0, float c1) {
  const float low = widen(static_cast<u16>(y)), high = widen(static_cast<u16>(y >> 16));
  return pack(narrow(c0 * (low + scale * d0)), narrow(c1 * (high + scale * d1)));
}

#if LOW_RANK_APART

// y = scale * sums.
__device__ __forceinline__ void store(const LowRankPair &, const Outputs &at, Quad, const float *sums, float scale) {
  if (at.isWhole()) {
    const float4 low = reinterpret_cast<const float4 *>(sums)[0], high = reinterpret_cast<const float4 *>(sums)[1];
    float4 *target = reinterpret_cast<float4 *>(at.y);
    target[0] = make_float4(scale * low.x, scale * low.y, scale * low.z, scale * low.w);
    target[1] = make_float4(scale * high.x, scale * high.y, scale * high.z, scale * high.w);
  } else {
#pragma unroll 1
    for (int i = 0; i < at.count; ++i) at.y[i] = scale * sums[i];
  }
}

#else

// y = columnScale * (y + scale * sums), rounded once.
__device__ __forceinline__ void store(const LowRankPair &pair, const Outputs &at, Quad y, const float *sums,
                                      float scale) {
  if (at.isWhole()) {
    const float4 *source = reinterpret_cast<const float4 *>(sums);
    const float4 low = source[0], high = source[1];
    float4 c = {1, 1, 1, 1}, d = {1, 1, 1, 1};
    if (pair.columnScale) {
      const float4 *scales = reinterpret_cast<const float4 *>(pair.columnScale + at.column);
      c = scales[0];
      d = scales[1];
    }
    storeGlobal(at.y, {combine(y.x, low.x, low.y, scale, c.x, c.y), combine(y.y, low.z, low.w, scale, c.z, c.w),
                       combine(y.z, high.x, high.y, scale, d.x, d.y), combine(y.w, high.z, high.w, scale, d.z, d.w)});
  } else {
#pragma unroll 1
    for (int i = 0; i < at.count; ++i) {
      const float c = pair.columnScale ? pair.columnScale[at.column + i] : 1.0f;
      at.y[i] = narrow(c * (widen(at.y[i]) + scale * sums[i]));
    }
  }
}

#endif

// Ranks to 16: a tile row holds two neighbouring outputs, told apart by columns that are zero for one of them.
// Writes `rows` (to 8) rows of 32 results. `vectors` holds two 16-bit terms a row.
__device__ __forceinline__ void expandPacked(Quad low, Quad high, int rows, const u16 *vectors, int pitch,
                                             float *tile) {
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  const u16 *vector = vectors + (2 * (g / 4) + g % 2) * pitch + t % 2 * 8;
  const bool mine = t / 2 == g / 2 % 2;
  for (int row = 0; row < rows; row += 2) {
    Quad column = {0, 0, 0, 0};
    if (mine) column = loadShared(sharedAddress(vector + 2 * row * pitch));
    Tile sums = {};
    multiplyStep(sums, low, high, column);
    float *target = tile + (row + t / 2) * kTilePitch + 2 * g + t % 2;
    target[0] = sums.a + sums.b;
    target[16] = sums.c + sums.d;
  }
}

// Writes 4 rows of 16 results from a tile whose columns are two terms of each row.
__device__ __forceinline__ void writeWide(const Tile &sums, float *tile) {
  const int lane = threadIdx.x % 32;
  float *target = tile + lane % 4 * kTilePitch + lane / 4;
  target[0] = sums.a + sums.b;
  target[8] = sums.c + sums.d;
}

// Writes a value of v as two 16-bit terms.
__device__ __forceinline__ void writeTerms(u16 *vectors, int pitch, int row, int rank, float value) {
  const u16 leading = narrow(value);
  vectors[2 * row * pitch + rank] = leading;
  vectors[(2 * row + 1) * pitch + rank] = narrow(value - widen(leading));
}

// fp16 has few exponents: a row of v is brought to between 1 and 2 by a power of two. Returns what its results must be
// multiplied by. One warp; `wide` is the row.
__device__ __forceinline__ float writeScaledTerms(u16 *vectors, int pitch, int row, int ranks, const float *wide) {
  float largest = 0;
  for (int j = threadIdx.x % 32; j < ranks; j += 32) largest = fmaxf(largest, fabsf(wide[j]));
  for (int distance = 16; distance > 0; distance /= 2) {
    largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, distance));
  }
  int exponent = static_cast<int>(__float_as_uint(largest) >> 23) - 127;
  exponent = maximum(-120, minimum(120, exponent));
  const float scale = __uint_as_float(static_cast<u32>(127 - exponent) << 23);
  for (int j = threadIdx.x % 32; j < ranks; j += 32) writeTerms(vectors, pitch, row, j, wide[j] * scale);
  return __uint_as_float(static_cast<u32>(127 + exponent) << 23);
}

}  // namespace low_rank
