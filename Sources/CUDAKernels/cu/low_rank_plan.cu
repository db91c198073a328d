// Shares out the LoRA work of a step: for every layer and group, the pairs (segment, member) that have an update or whose
// segment has columns, or all pairs where updates are written and not added; and each decode block's ranges of shrink and
// expand units, balanced by the bytes behind them.
//
// For the decode kernel: rowsPerTile 8, chunk 128 * its warps, shrinkWeight chunk / 32. For the prefill kernels: 32,
// 1024, 0.
// One block per (layer, group), 256 threads; at most 1024 pairs. Runs once a step, at least two kernels before the first
// that reads a plan.
// A plan: 64-byte header (round), then LowRankShare[blocks], then, from the next multiple of 64 on and for the decode
// kernel alone, the LowRankPair[2 * kNear] that each block begins with, so that it has them as soon as its share; then
// LowRankPair[pairs], of which `kNear` beyond the last may be read.
// The header's round is this block's own and grows by one a run, so tags never repeat from launch to launch.
#include "low_rank_columns.cuh"
#include "low_rank_plan.cuh"

using namespace low_rank;

constexpr int kThreads = 256;
constexpr int kMaxPairs = 1024;
// Of a KB of weights, in what work is balanced by.
constexpr int kCostOfKB = 4;

struct Sums {
  int pairs, shrink, expand, steps, words;
};

__device__ __forceinline__ Sums operator+(Sums a, Sums b) {
  return {a.pairs + b.pairs, a.shrink + b.shrink, a.expand + b.expand, a.steps + b.steps, a.words + b.words};
}

__device__ __forceinline__ Sums shiftUp(Sums s, int distance) {
  return {__shfl_up_sync(~0u, s.pairs, distance), __shfl_up_sync(~0u, s.shrink, distance),
          __shfl_up_sync(~0u, s.expand, distance), __shfl_up_sync(~0u, s.steps, distance),
          __shfl_up_sync(~0u, s.words, distance)};
}

// Inclusive sums over the block.
__device__ Sums scan(Sums own, Sums *perWarp) {
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (int distance = 1; distance < 32; distance *= 2) {
    Sums other = shiftUp(own, distance);
    if (lane >= distance) own = own + other;
  }
  if (lane == 31) perWarp[warp] = own;
  __syncthreads();
  for (int i = 0; i < warp; ++i) own = perWarp[i] + own;
  __syncthreads();
  return own;
}

// The last i of 0 ..< count with starts[i] <= key.
__device__ int lastAtMost(const int *starts, int count, long long key) {
  int low = 0, high = count;
  while (high - low > 1) {
    int middle = (low + high) / 2;
    if (starts[middle] <= key) low = middle;
    else high = middle;
  }
  return low;
}

// The pairs that a block begins with.
__device__ __forceinline__ void copyFirst(LowRankPair *near, const LowRankPair *pairs, const LowRankShare &share) {
  constexpr int kQuads = kNear * sizeof(LowRankPair) / sizeof(Quad);
  Quad held[2][kQuads];
#pragma unroll
  for (int i = 0; i < 2 * kQuads; ++i) {
    const LowRankPair *first = pairs + (i < kQuads ? share.shrinkPair : share.expandPair);
    held[i / kQuads][i % kQuads] = loadGlobal(reinterpret_cast<const Quad *>(first) + i % kQuads);
  }
#pragma unroll
  for (int i = 0; i < 2 * kQuads; ++i) {
    storeGlobal(reinterpret_cast<Quad *>(near) + i, held[i / kQuads][i % kQuads]);
  }
}

extern "C" __global__ void __launch_bounds__(kThreads) punica_low_rank_plan(
    const __grid_constant__ LowRankPlanParams p) {
  __shared__ int shrinkStarts[kMaxPairs], expandStarts[kMaxPairs], stepStarts[kMaxPairs];
  __shared__ u16 unitLengths[kMaxPairs];
  __shared__ Sums perWarp[kThreads / 32];
  __shared__ Sums total;

  awaitPredecessor();
  const int layer = blockIdx.x / p.groupCount, which = blockIdx.x % p.groupCount;
  const LowRankGroup &group = p.groups[which];
  char *plan = static_cast<char *>(p.plans) + blockIdx.x * p.planStride;
  const bool decodes = p.rowsPerTile == kRows;
  const PlanParts parts(plan, p.blocks, decodes);
  LowRankPair *const pairs = parts.pairs;
  const int candidates = *p.segmentCount * group.memberCount;

  Sums carry = {0, 0, 0, 0, 0};
  for (int base = 0; base < candidates; base += kThreads) {
    const int i = base + threadIdx.x;
    LowRankPair pair = {};
    int length = 0;
    Sums own = {0, 0, 0, 0, 0};
    if (i < candidates) {
      const int segment = i / group.memberCount, member = i % group.memberCount;
      const int start = p.segmentStart[segment], rows = p.segmentEnd[segment] - start;
      const LowRankEntry entry = p.table[static_cast<long long>(p.segmentSlot[segment]) * p.entriesPerAdapter +
                                         group.firstEntry + layer * p.entriesPerLayer + member];
      const ColumnBlocks columns(p.columns, start);
      if ((entry.rank > 0 || !p.adds || columns.count) && rows >= p.leastRows && rows <= p.mostRows) {
        const int rowTiles = ceilDiv(rows, p.rowsPerTile), count = ceilDiv(group.inputs, p.chunk);
        // Zeros have no weights and are quickly written.
        length = entry.rank == 0 ? 1 : kCostOfKB * (decodes ? unitSize(entry.rank) : tileSteps(entry.rank));
        const int width = decodes ? 1 << widthShift(entry.rank) : kTileWidth;
        own.pairs = 1;
        own.shrink = rowTiles * (columns.count ? columns.count : ceilDiv(entry.rank, kRanks)) * count;
        own.expand = columns.count ? 0 : rowTiles * ceilDiv(group.outputs[member], width);
        own.steps = own.expand * length;
        own.words = rowTiles * count * entry.rank * minimum(rows, p.rowsPerTile);
        pair = {entry.a, entry.b, entry.columnScale, entry.scale, entry.rank, start, rows, member, 0, 0, 0, 0, 0};
      }
    }
    const Sums end = carry + scan(own, perWarp);
    if (own.pairs) {
      const int slot = end.pairs - 1;
      pair.scratchStart = end.words - own.words;
      pair.shrinkStart = shrinkStarts[slot] = end.shrink - own.shrink;
      pair.shrinkEnd = end.shrink;
      pair.expandStart = expandStarts[slot] = end.expand - own.expand;
      pair.expandEnd = end.expand;
      stepStarts[slot] = end.steps - own.steps;
      unitLengths[slot] = length;
      pairs[slot] = pair;
    }
    if (threadIdx.x == kThreads - 1) total = end;
    __syncthreads();
    carry = total;
  }

  u32 *round = reinterpret_cast<u32 *>(plan);
  const u32 tag = (*round + 1) * static_cast<u32>(p.tagStep) + p.firstTag + blockIdx.x;
  __syncthreads();
  if (threadIdx.x == 0) ++*round;

  // Where one kernel does both products, blocks with a shrink unit more get fewer steps of the expand.
  const long long units = carry.shrink, weight = kCostOfKB * p.shrinkWeight;
  const long long work = carry.steps + units * weight;
  const bool balances = carry.steps >= 2 * weight * p.blocks;
  for (int block = threadIdx.x; block < p.blocks; block += kThreads) {
    LowRankShare share = {};
    share.tag = tag;
    int *shrinkEnds[2] = {&share.shrinkStart, &share.shrinkEnd};
    int *expandEnds[2] = {&share.expandStart, &share.expandEnd};
    for (int end = 0; end < 2; ++end) {
      const long long before = block + end;
      const long long shrink = units * before / p.blocks;
      long long step = balances ? work * before / p.blocks - shrink * weight
                                : static_cast<long long>(carry.steps) * before / p.blocks;
      *shrinkEnds[end] = static_cast<int>(shrink);
      if (before == p.blocks || carry.pairs == 0) {
        *expandEnds[end] = carry.expand;
      } else {
        const int pair = lastAtMost(stepStarts, carry.pairs, step);
        *expandEnds[end] = expandStarts[pair] + static_cast<int>((step - stepStarts[pair]) / unitLengths[pair]);
      }
    }
    if (carry.pairs > 0) {
      share.shrinkPair = lastAtMost(shrinkStarts, carry.pairs, share.shrinkStart);
      share.expandPair = lastAtMost(expandStarts, carry.pairs, share.expandStart);
    }
    parts.shares[block] = share;
    if (decodes) copyFirst(parts.near + block * 2 * kNear, pairs, share);
  }
  releaseSuccessor();
}
