// The second half of every LoRA kernel: v as 16-bit terms, and y read, added to and written 8 outputs at a time.
#pragma once

#include "low_rank.cuh"

namespace low_rank {

// 8 neighbouring outputs of a row: where in y, which columns of their member, how many of them exist.
struct Outputs {
  u16 *y;
  int column, count;
  bool aligned;
  // Whether sums are added to what lies in y.
  bool adds;

  __device__ __forceinline__ bool isWhole() const { return aligned && count == 8; }

  // Reads ahead what `store` will need.
  __device__ __forceinline__ Quad load() const { return isWhole() && adds ? loadGlobal(y) : Quad{0, 0, 0, 0}; }
};

__device__ __forceinline__ u32 combine(u32 y, float d0, float d1, float scale, float c0, float c1) {
  const float low = widen(static_cast<u16>(y)), high = widen(static_cast<u16>(y >> 16));
  return pack(narrow(c0 * (low + scale * d0)), narrow(c1 * (high + scale * d1)));
}

// y = columnScale * (y + scale * (low, high)) for 8 outputs, rounded once.
__device__ __forceinline__ void storeWhole(const LowRankPair &pair, const Outputs &at, Quad y, float4 low, float4 high,
                                           float scale) {
  float4 c = {1, 1, 1, 1}, d = {1, 1, 1, 1};
  if (pair.columnScale) {
    const float4 *scales = reinterpret_cast<const float4 *>(pair.columnScale + at.column);
    c = scales[0];
    d = scales[1];
  }
  storeGlobal(at.y, {combine(y.x, low.x, low.y, scale, c.x, c.y), combine(y.y, low.z, low.w, scale, c.z, c.w),
                     combine(y.z, high.x, high.y, scale, d.x, d.y), combine(y.w, high.z, high.w, scale, d.z, d.w)});
}

__device__ __forceinline__ void storeOne(const LowRankPair &pair, const Outputs &at, int i, float sum, float scale) {
  const float c = pair.columnScale ? pair.columnScale[at.column + i] : 1.0f;
  at.y[i] = narrow(c * ((at.adds ? widen(at.y[i]) : 0.0f) + scale * sum));
}

// The same for sums in shared memory.
__device__ __forceinline__ void store(const LowRankPair &pair, const Outputs &at, Quad y, const float *sums,
                                      float scale) {
  if (at.isWhole()) {
    const float4 *source = reinterpret_cast<const float4 *>(sums);
    storeWhole(pair, at, y, source[0], source[1], scale);
  } else {
#pragma unroll 1
    for (int i = 0; i < at.count; ++i) storeOne(pair, at, i, sums[i], scale);
  }
}

// Writes a value of v as two 16-bit terms.
__device__ __forceinline__ void writeTerms(u16 *vectors, int pitch, int row, int rank, float value) {
  const u16 leading = narrow(value);
  vectors[2 * row * pitch + rank] = leading;
  vectors[(2 * row + 1) * pitch + rank] = narrow(value - widen(leading));
}

// fp16 has few exponents: a row of v is brought to between 1 and 2 by a power of two. Returns what its results must be
// multiplied by. One warp; `wide` is the row; `write` takes a rank and its value.
template <typename Write>
__device__ __forceinline__ float writeScaled(int ranks, const float *wide, const Write &write) {
  float largest = 0;
  for (int j = threadIdx.x % 32; j < ranks; j += 32) largest = fmaxf(largest, fabsf(wide[j]));
  for (int distance = 16; distance > 0; distance /= 2) {
    largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, distance));
  }
  int exponent = static_cast<int>(__float_as_uint(largest) >> 23) - 127;
  exponent = maximum(-120, minimum(120, exponent));
  const float scale = __uint_as_float(static_cast<u32>(127 - exponent) << 23);
  for (int j = threadIdx.x % 32; j < ranks; j += 32) write(j, wide[j] * scale);
  return __uint_as_float(static_cast<u32>(127 + exponent) << 23);
}

// The same for both terms, row by row.
__device__ __forceinline__ float writeScaledTerms(u16 *vectors, int pitch, int row, int ranks, const float *wide) {
  return writeScaled(ranks, wide, [&](int j, float value) { writeTerms(vectors, pitch, row, j, value); });
}

}  // namespace low_rank
