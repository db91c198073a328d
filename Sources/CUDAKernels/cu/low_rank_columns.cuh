// Updates of long segments as columns of their products: where the columns lie, and v on its way there.
#pragma once

#include "low_rank.cuh"
#include "LowRankParams.h"

namespace low_rank {

static_assert(kRanks == LOW_RANK_COLUMN_RANKS, "a block of columns is a tile of ranks");

// The first of 16 columns of a member in a block; 16 more follow for what 16 bits leave of v.
__device__ __forceinline__ int columnPlace(const LowRankGroup &group, int block, int member) {
  return group.inputs + (block * group.memberCount + member) * 2 * kRanks;
}

// A segment's blocks; none where its updates are no columns.
struct ColumnBlocks {
  int first = 0, count = 0;

  __device__ __forceinline__ ColumnBlocks(const LowRankColumns &columns, int rowStart) {
    for (int i = 0; i < columns.count; ++i) {
      if (columns.blocks[i].rowStart != rowStart) continue;
      if (count == 0) first = i;
      ++count;
    }
  }
};

// Writes zeros to the columns of rows that are not in the columns' segment. What a product multiplies them by may be
// another tenant's, but is finite.
__device__ __forceinline__ void clearOthers(const LowRankUpdateParams &p) {
  const int pieces = p.group.memberCount * 2 * kRanks / 8, count = p.columns.count;
  const int all = p.columns.rows * count * pieces;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < all; i += gridDim.x * blockDim.x) {
    const int row = i / pieces / count, block = i / pieces % count;
    const LowRankColumnBlock &own = p.columns.blocks[block];
    if (row >= own.rowStart && row < own.rowEnd) continue;
    u16 *columns = static_cast<u16 *>(const_cast<void *>(p.x)) + static_cast<long long>(row) * p.xPitch;
    storeGlobal(columns + columnPlace(p.group, block, 0) + i % pieces * 8, Quad{0, 0, 0, 0});
  }
}

// Whether the block is the last of `count` to arrive; what the others wrote before is then there to be read past the
// first cache, and the counter is zero again.
__device__ __forceinline__ bool arrivesLast(u32 *arrivals, int count) {
  __shared__ bool isLast;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    isLast = atomicAdd(arrivals, 1) == count - 1;
    if (isLast) *arrivals = 0;
  }
  __syncthreads();
  if (isLast) __threadfence();
  return isLast;
}

}  // namespace low_rank
