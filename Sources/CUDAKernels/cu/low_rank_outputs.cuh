// The second half of every LoRA kernel: outputs added to and written 8 at a time, and v in fp16.
#pragma once

#include "low_rank.cuh"

namespace low_rank {

__device__ __forceinline__ Quad round8(const float (&v)[8]) {
  return {pack(narrow(v[0]), narrow(v[1])), pack(narrow(v[2]), narrow(v[3])), pack(narrow(v[4]), narrow(v[5])),
          pack(narrow(v[6]), narrow(v[7]))};
}

// columnScale * (y + sums) for 8 neighbouring outputs, rounded once; null for no scales.
__device__ __forceinline__ Quad combine(Quad y, const float *columnScale, const float (&sums)[8]) {
  float4 c = {1, 1, 1, 1}, d = {1, 1, 1, 1};
  if (columnScale) {
    c = reinterpret_cast<const float4 *>(columnScale)[0];
    d = reinterpret_cast<const float4 *>(columnScale)[1];
  }
  const u32 old[4] = {y.x, y.y, y.z, y.w};
  const float scales[8] = {c.x, c.y, c.z, c.w, d.x, d.y, d.z, d.w};
  float v[8];
#pragma unroll
  for (int i = 0; i < 8; ++i) v[i] = scales[i] * (widen(static_cast<u16>(old[i / 2] >> i % 2 * 16)) + sums[i]);
  return round8(v);
}

// columnScale * (y + sum) for one output.
__device__ __forceinline__ void storeOne(u16 *y, const float *columnScale, bool adds, float sum) {
  *y = narrow((columnScale ? *columnScale : 1.0f) * ((adds ? widen(*y) : 0.0f) + sum));
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

}  // namespace low_rank
