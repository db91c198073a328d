// What a block of the fused low-rank kernel has to do, and the sizes of its parts; see low_rank_decode.cu.
#pragma once

#include "low_rank_plan.cuh"

using namespace low_rank;

#ifndef LOW_RANK_WARPS
#define LOW_RANK_WARPS 8
#endif
// Blocks of weights that a warp asks for ahead, and how many of them before it waits for the preceding kernel.
#ifndef LOW_RANK_DEPTH
#define LOW_RANK_DEPTH 2
#endif
#ifndef LOW_RANK_EARLY
#define LOW_RANK_EARLY 2
#endif
#ifndef LOW_RANK_RESIDENT
#define LOW_RANK_RESIDENT 2
#endif

constexpr int kWarps = LOW_RANK_WARPS;
constexpr int kThreads = kWarps * 32;
constexpr int kDepth = LOW_RANK_DEPTH;
// Steps of a block of weights, one KB each.
constexpr int kSteps = 4;
constexpr int kBlockBytes = kSteps * 1024;
constexpr int kWarpInputs = kSteps * kStep;
static_assert((kWarps & (kWarps - 1)) == 0);
constexpr int kChunk = kWarps * kWarpInputs;
// Ranks of a block of weights where an output has more than fit a step.
constexpr int kBlockRanks = 2 * kStep;
// Of shared memory, for a shrink unit's sums of one warp; two buffers.
constexpr int kUnitSums = kRanks * kRows;

struct Work {
  const LowRankUpdateParams &p;
  // All pairs of the plan, and those that the block begins with.
  const LowRankPair *pairs, *near;
  const LowRankShare &share;

  // This warp's first expand unit from `unit` on.
  __device__ __forceinline__ int firstOfWarp(int unit) const {
    return unit + ((share.expandStart + threadIdx.x / 32 - unit) & (kWarps - 1));
  }

  __device__ __forceinline__ const LowRankPair *first(bool expands) const { return near + expands * kNear; }

  __device__ __forceinline__ const LowRankPair *next(const LowRankPair *pair) const {
    ++pair;
    if (pair == near + kNear) return pairs + share.shrinkPair + kNear;
    if (pair == near + 2 * kNear) return pairs + share.expandPair + kNear;
    return pair;
  }

  // The pair that a unit belongs to, from an earlier unit's on.
  __device__ __forceinline__ const LowRankPair *seek(const LowRankPair *pair, bool expands, int unit) const {
#pragma unroll 1
    while (unit >= (expands ? pair->expandEnd : pair->shrinkEnd)) pair = next(pair);
    return pair;
  }
};

// value / by, and what is left over. Quick where value < by, as it mostly is. Exact for values below 2^20: a pair's units
// are row tiles times rank tiles times chunks, or times tiles of outputs.
__device__ __forceinline__ int quotient(int value, int by, int &rest) {
  int whole = 0;
  if (value >= by) whole = static_cast<int>(__fdividef(static_cast<float>(value) + 0.5f, static_cast<float>(by)));
  rest = value - whole * by;
  return whole;
}

// A shrink unit's place in its pair.
struct ShrinkPlace {
  int rowTile, firstRank, chunk;

  __device__ __forceinline__ ShrinkPlace(const LowRankPair &pair, int inputs, int unit) {
    int rankTile;
    const int outer = quotient(unit - pair.shrinkStart, ceilDiv(inputs, kChunk), chunk);
    rowTile = quotient(outer, ceilDiv(pair.rank, kRanks), rankTile);
    firstRank = rankTile * kRanks;
  }

  // The first of this warp's inputs.
  __device__ __forceinline__ int input() const { return chunk * kChunk + threadIdx.x / 32 * kWarpInputs; }
};

// The first output of an expand unit.
__device__ __forceinline__ int firstColumn(const LowRankPair &pair, int outputs, int unit) {
  const int shift = widthShift(pair.rank);
  int tile;
  quotient(unit - pair.expandStart, (outputs + (1 << shift) - 1) >> shift, tile);
  return tile << shift;
}
