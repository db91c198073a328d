// What the LoRA kernels share: unit sizes, 16-bit conversions, asynchronous copies, tensor-core products.
#pragma once

#include "LowRankParams.h"

#ifndef PUNICA_BF16
#define PUNICA_BF16 1
#endif

namespace low_rank {

using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long long;

// Rows of one tensor-core tile (its n).
constexpr int kRows = 8;
// Ranks of one shrink unit (the tile's m).
constexpr int kRanks = 16;
// Elements that a step advances along a row of weights: two tiles' k, 16 bytes a lane.
constexpr int kStep = 32;
// Up to this rank an output's weights are one product of the tensor cores, in the decode kernel's expand.
constexpr int kPackedRank = 16;

__device__ __forceinline__ int ceilDiv(int a, int b) { return (a + b - 1) / b; }
__device__ __forceinline__ int minimum(int a, int b) { return a < b ? a : b; }
__device__ __forceinline__ int maximum(int a, int b) { return a > b ? a : b; }

// Outputs of one expand unit of the decode kernel, as a power of 2, and the KB that it takes in the queue.
__device__ __forceinline__ int widthShift(int rank) { return rank <= kPackedRank ? 7 : rank <= kStep ? 6 : 5; }
__device__ __forceinline__ int unitSize(int rank) { return rank <= kStep ? 4 : ceilDiv(rank, kRanks); }
// The same for the prefill kernels.
constexpr int kTileWidth = 32;
__device__ __forceinline__ int tileSteps(int rank) { return ceilDiv(rank, kRanks); }

__device__ __forceinline__ float widen(u16 bits) {
#if PUNICA_BF16
  return __uint_as_float(static_cast<u32>(bits) << 16);
#else
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
#endif
}

__device__ __forceinline__ u16 narrow(float value) {
  u16 bits;
#if PUNICA_BF16
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
#else
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
#endif
  return bits;
}

__device__ __forceinline__ u32 pack(u16 low, u16 high) { return static_cast<u32>(high) << 16 | low; }

struct Quad {
  u32 x, y, z, w;
};

__device__ __forceinline__ u32 sharedAddress(const void *pointer) {
  return static_cast<u32>(__cvta_generic_to_shared(pointer));
}

__device__ __forceinline__ Quad loadShared(u32 address) {
  Quad q;
  asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];" : "=r"(q.x), "=r"(q.y), "=r"(q.z), "=r"(q.w) : "r"(address));
  return q;
}

struct TwoWords {
  u32 x, y;
};

__device__ __forceinline__ TwoWords loadSharedTwo(u32 address) {
  TwoWords q;
  asm volatile("ld.shared.v2.u32 {%0,%1}, [%2];" : "=r"(q.x), "=r"(q.y) : "r"(address));
  return q;
}

__device__ __forceinline__ void storeShared(u32 address, Quad q) {
  asm volatile("st.shared.v4.u32 [%0], {%1,%2,%3,%4};" ::"r"(address), "r"(q.x), "r"(q.y), "r"(q.z), "r"(q.w)
               : "memory");
}

__device__ __forceinline__ Quad loadGlobal(const void *pointer) {
  Quad q;
  asm volatile("ld.global.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(q.x), "=r"(q.y), "=r"(q.z), "=r"(q.w)
               : "l"(pointer)
               : "memory");
  return q;
}

__device__ __forceinline__ void storeGlobal(void *pointer, Quad q) {
  asm volatile("st.global.v4.u32 [%0], {%1,%2,%3,%4};" ::"l"(pointer), "r"(q.x), "r"(q.y), "r"(q.z), "r"(q.w)
               : "memory");
}

// Reads up to 8 elements one by one; those at `count` and beyond are zero. Rolled: rare, and short in code.
__device__ __forceinline__ Quad loadScalars(const u16 *pointer, int count) {
  Quad q = {0, 0, 0, 0};
#pragma unroll 1
  for (int i = 7; i >= 0; --i) {
    u16 element = 0;
    if (i < count) asm volatile("ld.global.u16 %0, [%1];" : "=h"(element) : "l"(pointer + i) : "memory");
    q = {q.x << 16 | element, q.y << 16 | q.x >> 16, q.z << 16 | q.y >> 16, q.w << 16 | q.z >> 16};
  }
  return q;
}

// The same as a call: for places where many copies of it would be in the way.
__device__ __noinline__ Quad loadFew(const u16 *pointer, int count) { return loadScalars(pointer, count); }

// Reads 8 elements, or zeros.
__device__ __forceinline__ Quad loadWhole(const u16 *pointer, bool exists) {
  return exists ? loadGlobal(pointer) : Quad{0, 0, 0, 0};
}

// Brings 8 weights into shared memory past the registers, or zeros.
__device__ __forceinline__ void copy8(u32 target, const u16 *source, bool exists) {
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(target), "l"(source),
               "r"(exists ? 16 : 0)
               : "memory");
}

__device__ __forceinline__ void copyScalars(u32 target, const u16 *source, int count) {
  storeShared(target, count > 0 ? loadScalars(source, count) : Quad{0, 0, 0, 0});
}

__device__ __forceinline__ void commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

template <int kPending>
__device__ __forceinline__ void awaitGroups() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

struct Tile {
  float a, b, c, d;
};

// tile += m16k16 (row-major) * k16n8, f32 sums.
__device__ __forceinline__ void multiply(Tile &tile, u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
#if PUNICA_BF16
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
#else
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
#endif
      : "+f"(tile.a), "+f"(tile.b), "+f"(tile.c), "+f"(tile.d)
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// A step: 16 rows of weights (this lane's 8 of row g in `low`, of row g + 8 in `high`) times 8 columns.
// Which k each element stands for is free as long as both sides agree: a lane's 8 neighbours serve two products.
__device__ __forceinline__ void multiplyStep(Tile &tile, Quad low, Quad high, Quad column) {
  multiply(tile, low.x, high.x, low.y, high.y, column.x, column.y);
  multiply(tile, low.z, high.z, low.w, high.w, column.z, column.w);
}

__device__ __forceinline__ void awaitPredecessor() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// For a kernel whose predecessor has waited for all that it reads, in every block, before it released it: drops what this
// multiprocessor may hold of older values. Before the kernel's first loads, since it waits for those under way. Such a
// kernel waits for its predecessor in the end only.
__device__ __forceinline__ void seeWhatIsThere() { asm volatile("fence.acq_rel.gpu;" ::: "memory"); }

__device__ __forceinline__ void releaseSuccessor() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

}  // namespace low_rank
