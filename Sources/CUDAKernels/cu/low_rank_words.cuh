// How blocks of a launch pass partial sums to each other: each a word of 64 bits in device memory.
#pragma once

#include "low_rank.cuh"

namespace low_rank {

// Polls after which a launch whose blocks do not all run ends in an error instead of never: seconds, where a product beside
// it that keeps some out takes milliseconds.
constexpr int kPatience = 1 << 24;

// A value and the tag of the launch that wrote it, in one word: the reader needs no other flag and no fence.
__device__ __forceinline__ void post(u64 *word, float value, u32 tag) {
  u64 bits = static_cast<u64>(tag) << 32 | __float_as_uint(value);
  asm volatile("st.relaxed.gpu.global.u64 [%0], %1;" ::"l"(word), "l"(bits) : "memory");
}

__device__ __forceinline__ u64 peek(const u64 *word) {
  u64 bits;
  asm volatile("ld.relaxed.gpu.global.u64 %0, [%1];" : "=l"(bits) : "l"(word) : "memory");
  return bits;
}

// The sum of `count` words that lie `pitch` apart, in their order, as soon as all carry the tag; so many are asked for at a
// time.
template <int kAhead, typename Pitch>
__device__ __forceinline__ float addWords(const u64 *word, int count, Pitch pitch, u32 tag) {
  float sum = 0;
#pragma unroll 1
  for (int base = 0; base < count; base += kAhead) {
    u64 bits[kAhead];
    bool waits = true;
    for (int polls = 0; waits; ++polls) {
      if (polls == kPatience) asm volatile("trap;");
      waits = false;
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
        if (base + i < count) bits[i] = peek(word + (base + i) * pitch);
      }
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
        if (base + i < count) waits |= static_cast<u32>(bits[i] >> 32) != tag;
      }
    }
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      if (base + i < count) sum += __uint_as_float(static_cast<u32>(bits[i]));
    }
  }
  return sum;
}

}  // namespace low_rank
