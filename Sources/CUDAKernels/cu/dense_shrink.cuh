// How a dense product of few rows gets its rows' low-rank updates: y[t] += scale * B·(A·x[t]), by warps of their own
// beside those that stream W. Where the memory is busy every load takes microseconds, so all that does not depend on x
// is asked for before the kernel before this one has ended.
//
// Here is A·x: the blocks share it out by units (8 rows of a segment x 16 ranks x 1024 inputs); sums travel between
// blocks as (f32, tag) words and are added in the order of the inputs. B is in dense_expand.cuh. Everything is f32.
#pragma once

#include "dense_shape.cuh"
#include "low_rank_words.cuh"

namespace dense {

constexpr int kPairs = kMostRows * kMembers;
// What `Updates` and the rows' factors take at most: for each row, and besides.
constexpr int kRowBytes = 4 * 36, kUpdateBytes = 14 << 10;
// Inputs of a unit of A·x, of one warp's part of it, and the steps that a part takes.
constexpr int kChunk = DENSE_CHUNK;
constexpr int kPart = kChunk / kUpdateWarps;
constexpr int kPartSteps = kPart / kStep;
constexpr int kUnitSums = kRanks * kRows;
// A piece is 8 ranks of one row.
constexpr int kPieceRanks = 8;
// Pieces whose A·x a warp has room for, over all members of a set.
constexpr int kRoom = 16;
// The places of the words of A·x.
constexpr int kWordMembers = DENSE_WORD_MEMBERS, kWordRows = DENSE_ROWS, kWordRanks = DENSE_RANKS;

// What the warps of a block pass to each other; in shared memory.
struct Updates {
  // A·x for each warp's pieces.
  __align__(16) float vectors[kUpdateWarps][kRoom * kPieceRanks];
  union {
    // Of A·x, in two buffers.
    float sums[2][kUpdateWarps * kUnitSums];
    // Of a set's outputs, when the block's part of A·x is made.
    float changes[kMostRows][kColumns];
  };
  LowRankEntry entries[kPairs];
  int starts[kPairs + 1];
  int slots[kMostRows];
};

// How many rows from this one on, itself included, have its adapter.
__device__ __forceinline__ int segmentRows(const Updates &updates, int row) {
  int end = row + 1;
  while (end < kMostRows && updates.slots[end] == updates.slots[row]) ++end;
  return end - row;
}

// Brings the plan; returns the launch's units of A·x.
__device__ __forceinline__ int lookUp(const DenseUpdatePlan &plan, Updates &updates, int thread) {
  constexpr int kQuads = kPairs * sizeof(LowRankEntry) / sizeof(Quad);
#pragma unroll
  for (int i = 0; i < kQuads; i += kUpdateThreads) {
    if (i + thread < kQuads) {
      const Quad *source = reinterpret_cast<const Quad *>(plan.entries) + i + thread;
      reinterpret_cast<Quad *>(updates.entries)[i + thread] = loadGlobal(source);
    }
  }
#pragma unroll 1
  for (int i = thread; i <= kPairs; i += kUpdateThreads) updates.starts[i] = plan.starts[i];
  if (thread < kMostRows) updates.slots[thread] = plan.slots[thread];
  const int units = plan.starts[kPairs];
  meet<kUpdateThreads>(kUpdates);
  return units;
}

__device__ __forceinline__ unsigned long long *wordsOf(const DenseStreamParams &p, int chunk, int member, int row) {
  return p.vectors + ((static_cast<long long>(chunk) * kWordMembers + member) * kWordRows + row) * kWordRanks;
}

// loadWhole for A, of which a block reads nothing again: it leaves the first cache before B, which all rows of an adapter
// read, by halves of sectors.
__device__ __forceinline__ Quad loadOnce(const u16 *pointer, bool exists) {
  Quad q = {0, 0, 0, 0};
  if (!exists) return q;
  asm volatile("ld.global.L1::evict_first.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(q.x), "=r"(q.y), "=r"(q.z), "=r"(q.w)
               : "l"(pointer)
               : "memory");
  return q;
}

// One unit of A·x as a thread sees it.
struct Unit {
  int member, firstRow, rows, firstRank, ranks, chunk, left;
  const u16 *a, *x;

  __device__ inline Unit(const DenseStreamParams &p, const Updates &updates, int number, int thread) {
    int low = 0, high = kPairs;
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      if (updates.starts[middle] <= number) low = middle;
      else high = middle;
    }
    const LowRankEntry &entry = updates.entries[low];
    const int lane = thread % 32, chunks = ceilDiv(p.inputs, kChunk), tiles = ceilDiv(entry.rank, kRanks);
    const unsigned local = number - updates.starts[low], outer = local / chunks;
    const int rowTile = outer / tiles;
    member = low % kMembers;
    chunk = local - outer * chunks;
    firstRank = (outer - rowTile * tiles) * kRanks;
    ranks = minimum(entry.rank - firstRank, kRanks);
    firstRow = low / kMembers + rowTile * kRows;
    rows = minimum(segmentRows(updates, low / kMembers) - rowTile * kRows, kRows);
    const int k = chunk * kChunk + thread / 32 * kPart + lane % 4 * 8;
    left = p.inputs - k;
    a = static_cast<const u16 *>(entry.a) + static_cast<long long>(firstRank + lane / 4) * p.inputs + k;
    x = static_cast<const u16 *>(p.x) + static_cast<long long>(firstRow + lane / 4) * p.xPitch + k;
  }
};

// Computes a block's units of A·x; their weights are asked for before the kernel before this one has ended.
__device__ __forceinline__ void shrink(const DenseStreamParams &p, Updates &updates, unsigned units, int thread,
                                       u32 tag) {
  const int lane = thread % 32, g = lane / 4, t = lane % 4;
  const int first = units * blockIdx.x / gridDim.x, end = units * (blockIdx.x + 1) / gridDim.x;
  if (first >= end) awaitPredecessor();
#pragma unroll 1
  for (int number = first; number < end; ++number) {
    const Unit unit(p, updates, number, thread);
    Quad low[kPartSteps], high[kPartSteps], x[kPartSteps];
#pragma unroll
    for (int i = 0; i < kPartSteps; ++i) {
      low[i] = loadOnce(unit.a + i * kStep, g < unit.ranks && i * kStep < unit.left);
      high[i] = loadOnce(unit.a + 8LL * p.inputs + i * kStep, g + 8 < unit.ranks && i * kStep < unit.left);
    }
    if (number == first) awaitPredecessor();
#pragma unroll
    for (int i = 0; i < kPartSteps; ++i) x[i] = loadWhole(unit.x + i * kStep, g < unit.rows && i * kStep < unit.left);
    Tile sums[2] = {};
#pragma unroll
    for (int i = 0; i < kPartSteps; ++i) multiplyStep(sums[i % 2], low[i], high[i], x[i]);
    // Two buffers, so that one barrier a unit is enough.
    float *buffer = updates.sums[(number - first) % 2];
    float *own = buffer + thread / 32 * kUnitSums + 2 * t * kRanks + g;
    own[0] = sums[0].a + sums[1].a;
    own[kRanks] = sums[0].b + sums[1].b;
    own[8] = sums[0].c + sums[1].c;
    own[kRanks + 8] = sums[0].d + sums[1].d;
    meet<kUpdateThreads>(kUpdates);
    const int row = thread / kRanks, rank = thread % kRanks;
    if (row >= unit.rows || rank >= unit.ranks) continue;
    float sum = 0;
#pragma unroll
    for (int i = 0; i < kUpdateWarps; ++i) sum += buffer[i * kUnitSums + thread];
    post(wordsOf(p, unit.chunk, unit.member, unit.firstRow + row) + unit.firstRank + rank, sum, tag);
  }
  // Changes take the place of sums.
  meet<kUpdateThreads>(kUpdates);
}

// The sum of A·x's words for one rank, as soon as they have arrived.
__device__ __forceinline__ float addWords(const DenseStreamParams &p, const unsigned long long *word, u32 tag) {
  constexpr long long kPitch = static_cast<long long>(kWordMembers) * kWordRows * kWordRanks;
  return low_rank::addWords<6>(word, ceilDiv(p.inputs, kChunk), kPitch, tag);
}

}  // namespace dense
