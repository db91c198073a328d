// v = A·x in parts, by the fused low-rank kernel; see low_rank_decode.cu.
#pragma once

#include "low_rank_queue.cuh"
#include "low_rank_words.cuh"

// One shrink unit as a lane sees it.
struct ShrinkUnit {
  int firstRank, rows, k;
  // This lane's inputs, from its k-th on.
  const u16 *x;
  // Where the unit's sums go in the scratch.
  long long words;

  ShrinkUnit() = default;
  __device__ __forceinline__ ShrinkUnit(const Work &work, const LowRankPair &pair, int unit) {
    const LowRankUpdateParams &p = work.p;
    const int lane = threadIdx.x % 32, count = ceilDiv(p.group.inputs, kChunk);
    const ShrinkPlace place(pair, p.group.inputs, unit);
    const int firstRow = place.rowTile * kRows;
    firstRank = place.firstRank;
    rows = minimum(pair.rowCount - firstRow, kRows);
    k = place.input() + lane % 4 * 8;
    x = static_cast<const u16 *>(p.x) + static_cast<long long>(pair.rowStart + firstRow + lane / 4) * p.xPitch + k;
    words = pair.scratchStart + static_cast<long long>(place.rowTile * count + place.chunk) * pair.rank *
                                    minimum(pair.rowCount, kRows);
  }

  __device__ __forceinline__ void read(const LowRankUpdateParams &p, Quad (&held)[kSteps]) const {
    const bool aligned = (p.group.inputs | p.xPitch) % 8 == 0;
    const int left = static_cast<int>(threadIdx.x) % 32 / 4 < rows ? p.group.inputs - k : 0;
#pragma unroll
    for (int i = 0; i < kSteps; ++i) {
      held[i] = aligned ? loadWhole(x + i * kStep, left > i * kStep) : loadFew(x + i * kStep, left - i * kStep);
    }
  }
};

// Parts of v: all warps' sums meet in shared memory (two buffers, so that one barrier a unit is enough).
__device__ __forceinline__ void shrink(const Work &work, Queue &queue, float *parts) {
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  const int start = work.share.shrinkStart, end = work.share.shrinkEnd;
  const LowRankPair *pair = work.first(false), *nextPair = pair;
  ShrinkUnit now, at;
  Quad held[kSteps], next[kSteps];
  // One round more before the first, which only reads ahead, so that reading stands here once.
#pragma unroll 1
  for (int unit = start - 1; unit < end; ++unit) {
    pair = nextPair;
    now = at;
#pragma unroll
    for (int i = 0; i < kSteps; ++i) held[i] = next[i];
    if (unit + 1 < end) {
      nextPair = work.seek(pair, false, unit + 1);
      at = ShrinkUnit(work, *nextPair, unit + 1);
      at.read(work.p, next);
    }
    if (unit < start) continue;
    const u32 block = queue.takeOwn();
    Tile sums[2] = {};
#pragma unroll
    for (int i = 0; i < kSteps; ++i) {
      multiplyStep(sums[i % 2], loadShared(block + i * 1024), loadShared(block + i * 1024 + 512), held[i]);
    }
    queue.fill(work);
    float *buffer = parts + unit % 2 * kWarps * kUnitSums;
    float *own = buffer + threadIdx.x / 32 * kUnitSums + 2 * t * kRanks + g;
    own[0] = sums[0].a + sums[1].a;
    own[kRanks] = sums[0].b + sums[1].b;
    own[8] = sums[0].c + sums[1].c;
    own[kRanks + 8] = sums[0].d + sums[1].d;
    __syncthreads();
    const int row = threadIdx.x / kRanks, rank = now.firstRank + threadIdx.x % kRanks;
    if (row < now.rows && rank < pair->rank) {
      float sum = 0;
#pragma unroll
      for (int i = 0; i < kWarps; ++i) sum += buffer[i * kUnitSums + threadIdx.x];
      post(static_cast<u64 *>(work.p.scratch) + now.words + rank * minimum(pair->rowCount, kRows) + row, sum,
           work.share.tag);
    }
  }
}
