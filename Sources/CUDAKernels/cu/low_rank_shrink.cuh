// v = A·x in parts, by the fused low-rank kernel; see low_rank_decode.cu.
#pragma once

#include "low_rank_queue.cuh"

// One shrink unit's place.
struct ShrinkUnit {
  int firstRank, rows, k;
  const u16 *x;
  long long words;

  __device__ ShrinkUnit(const Work &work, const LowRankPair &pair, int unit) {
    const LowRankUpdateParams &p = work.p;
    const int lane = threadIdx.x % 32, count = ceilDiv(p.group.inputs, kChunk), tiles = ceilDiv(pair.rank, kRanks);
    const unsigned local = unit - pair.shrinkStart, outer = local / count;
    const int chunk = local - outer * count, rowTile = outer / tiles;
    firstRank = (outer - rowTile * tiles) * kRanks;
    rows = minimum(pair.rowCount - rowTile * kRows, kRows);
    k = chunk * kChunk + threadIdx.x / 32 * kWarpInputs + lane % 4 * 8;
    x = static_cast<const u16 *>(p.x) +
        static_cast<long long>(pair.rowStart + rowTile * kRows + lane / 4) * p.xPitch + k;
    words = pair.scratchStart +
            (static_cast<long long>(rowTile) * count + chunk) * pair.rank * minimum(pair.rowCount, kRows);
  }

  __device__ __forceinline__ void read(const LowRankUpdateParams &p, Quad (&held)[kSteps]) const {
    const bool aligned = (p.group.inputs | p.xPitch) % 8 == 0;
    const int left = static_cast<int>(threadIdx.x) % 32 / 4 < rows ? p.group.inputs - k : 0;
#pragma unroll
    for (int i = 0; i < kSteps; ++i) held[i] = load8(x + i * kStep, left - i * kStep, aligned);
  }
};

// Parts of v: all warps' sums meet in shared memory (two buffers, so that one barrier a unit is enough).
__device__ __forceinline__ void shrink(const Work &work, Queue &queue, float *parts) {
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  const int end = work.share.shrinkEnd;
  int unit = work.share.shrinkStart, index = work.share.shrinkPair;
  if (unit >= end) return;
  ShrinkUnit at(work, work.pair(index), unit);
  Quad held[kSteps], next[kSteps];
  at.read(work.p, next);
#pragma unroll 1
  for (; unit < end; ++unit) {
    const LowRankPair &pair = work.pair(index);
    const ShrinkUnit now = at;
#pragma unroll
    for (int i = 0; i < kSteps; ++i) held[i] = next[i];
    if (unit + 1 < end) {
      // A pair without an update has no shrink units.
      while (unit + 1 >= work.pair(index).shrinkEnd) ++index;
      at = ShrinkUnit(work, work.pair(index), unit + 1);
      at.read(work.p, next);
    }
    const u32 block = queue.take();
    Tile sums[2] = {};
#pragma unroll
    for (int i = 0; i < kSteps; ++i) {
      multiplyStep(sums[i % 2], loadShared(block + i * 1024), loadShared(block + i * 1024 + 512), held[i]);
    }
    queue.fill(work);
    float *buffer = parts + unit % 2 * kWarps * kRanks * kRows;
    float *own = buffer + threadIdx.x / 32 * kRanks * kRows + 2 * t * kRanks + g;
    own[0] = sums[0].a + sums[1].a;
    own[kRanks] = sums[0].b + sums[1].b;
    own[8] = sums[0].c + sums[1].c;
    own[kRanks + 8] = sums[0].d + sums[1].d;
    __syncthreads();
    const int row = threadIdx.x / kRanks, rank = now.firstRank + threadIdx.x % kRanks;
    if (row < now.rows && rank < pair.rank) {
      float sum = 0;
#pragma unroll
      for (int i = 0; i < kWarps; ++i) sum += buffer[i * kRanks * kRows + threadIdx.x];
      post(static_cast<u64 *>(work.p.scratch) + now.words + rank * minimum(pair.rowCount, kRows) + row, sum,
           work.share.tag);
    }
  }
}
