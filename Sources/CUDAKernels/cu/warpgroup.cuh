// The tensor cores' asynchronous products, and barriers in shared memory (sm_90a).
#pragma once

#include "low_rank.cuh"

namespace warpgroup {

using namespace low_rank;

constexpr int kThreads = 128;
// Rows of a product's first factor.
constexpr int kProductRows = 64;
// Inputs of one instruction.
constexpr int kInputs = 16;
// Of a row in shared memory: 64 inputs. The tensor cores find a row's pieces of 16 bytes swapped by the row's number.
constexpr int kRowBytes = 128;

// Polls of a barrier, each of which waits for a while itself, before a launch that has gone wrong ends as an error.
constexpr int kPatience = 1 << 22;

__device__ __forceinline__ u32 placeInRows(int row, int piece) { return row * kRowBytes + (piece ^ (row & 7)) * 16; }

// Rows that lie so, from an address that is a multiple of 1024 or, for later inputs, 32, 64 or 96 more.
__device__ __forceinline__ u64 descriptor(u32 address) {
  constexpr u64 swapped = u64{1} << 62, toNextRows = u64{8 * kRowBytes >> 4} << 32, unused = u64{1} << 16;
  return swapped | toNextRows | unused | (address & 0x3ffff) >> 4;
}

// Ahead of products whose sums the program has touched.
__device__ __forceinline__ void fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void commitProducts() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

// Waits for all groups of products but the last few.
template <int kPending>
__device__ __forceinline__ void awaitProducts() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}

// Lets the tensor cores see what this thread has written to shared memory.
__device__ __forceinline__ void publish() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

#if PUNICA_BF16
#define WARPGROUP_TYPES ".f32.bf16.bf16 "
#else
#define WARPGROUP_TYPES ".f32.f16.f16 "
#endif
#define SUMS_4(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define SUMS_8(d, i) SUMS_4(d, i), SUMS_4(d, i + 4)
#define SUMS_16(d, i) SUMS_8(d, i), SUMS_8(d, i + 8)
#define SUMS_32(d, i) SUMS_16(d, i), SUMS_16(d, i + 16)
#define SUMS_64(d, i) SUMS_32(d, i), SUMS_32(d, i + 32)
#define NAMES_4 "%0,%1,%2,%3"
#define NAMES_8 NAMES_4 ",%4,%5,%6,%7"
#define NAMES_16 NAMES_8 ",%8,%9,%10,%11,%12,%13,%14,%15"
#define NAMES_32 NAMES_16 ",%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define NAMES_64                                                                                  \
  NAMES_32                                                                                        \
  ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54," \
  "%55,%56,%57,%58,%59,%60,%61,%62,%63"
// The operands behind the sums: both factors, and whether the products are added to the sums.
#define PRODUCT(columns, sums, names, a, b, adds)                                                                   \
  asm volatile("{\n\t.reg .pred p;\n\tsetp.ne.b32 p, " adds                                                         \
               ", 0;\n\twgmma.mma_async.sync.aligned.m64n" columns "k16" WARPGROUP_TYPES "{" names "}, " a ", " b \
               ", p, 1, 1, 0, 0;\n\t}"                                                                              \
               : sums                                                                                               \
               : "l"(x), "l"(w), "r"(addsToSums)                                                                    \
               : "memory")

// sums[64, kColumns] (+)= x[64, 16] · w[kColumns, 16]; kColumns is a multiple of 8. A lane has of each 8 columns two
// neighbours in two rows. Issued as few instructions: `w` begins at a multiple of 8 rows.
template <int kColumns>
__device__ __forceinline__ void multiply(float *d, u64 x, u64 w, u32 addsToSums) {
  constexpr int kPart = kColumns >= 128 ? 128 : kColumns >= 64 ? 64 : kColumns >= 32 ? 32 : kColumns >= 16 ? 16 : 8;
  if constexpr (kPart == 128) PRODUCT("128", SUMS_64(d, 0), NAMES_64, "%64", "%65", "%66");
  if constexpr (kPart == 64) PRODUCT("64", SUMS_32(d, 0), NAMES_32, "%32", "%33", "%34");
  if constexpr (kPart == 32) PRODUCT("32", SUMS_16(d, 0), NAMES_16, "%16", "%17", "%18");
  if constexpr (kPart == 16) PRODUCT("16", SUMS_8(d, 0), NAMES_8, "%8", "%9", "%10");
  if constexpr (kPart == 8) PRODUCT("8", SUMS_4(d, 0), NAMES_4, "%4", "%5", "%6");
  if constexpr (kColumns > kPart) {
    multiply<kColumns - kPart>(d + kPart / 2, x, w + (kPart * kRowBytes >> 4), addsToSums);
  }
}

// A barrier in shared memory that so many threads come to; others wait for them.
__device__ __forceinline__ void makeBarrier(u32 barrier, int count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(count) : "memory");
}

__device__ __forceinline__ void arriveAt(u32 barrier) {
  asm volatile("mbarrier.arrive.release.cta.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

// Waits until all have come for the first time (parity 0), the second (1), the third (0) and so on.
__device__ __forceinline__ void awaitAll(u32 barrier, u32 parity) {
  u32 isDone = 0;
  for (int polls = 0; !isDone; ++polls) {
    if (polls == kPatience) asm volatile("trap;");
    asm volatile(
        "{\n\t.reg .pred p;\n\tmbarrier.try_wait.parity.acquire.cta.shared::cta.b64 p, [%1], %2;\n\t"
        "selp.u32 %0, 1, 0, p;\n\t}"
        : "=r"(isDone)
        : "r"(barrier), "r"(parity)
        : "memory");
  }
}

// Waits for all threads of a cluster's blocks; what they wrote to their shared memory before, all see.
__device__ __forceinline__ void meetCluster() {
  asm volatile("barrier.cluster.arrive.release.aligned;\n\tbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

__device__ __forceinline__ u32 rankInCluster() {
  u32 rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}

// Four numbers of another block's shared memory, at an address of one's own.
__device__ __forceinline__ float4 loadFromBlock(u32 address, u32 rank) {
  u32 place;
  float4 x;
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(place) : "r"(address), "r"(rank));
  asm volatile("ld.shared::cluster.v4.f32 {%0,%1,%2,%3}, [%4];"
               : "=f"(x.x), "=f"(x.y), "=f"(x.z), "=f"(x.w)
               : "r"(place)
               : "memory");
  return x;
}

}  // namespace warpgroup
