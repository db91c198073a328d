// v[chunk][row][rank] = x·Aᵀ over one chunk of inputs: the first of two launches for segments of more rows than the decode
// kernel's tile has; the second is low_rank_prefill_expand.cu, or the decode kernel's.
//
// A unit is 32 rows x 16 ranks x one chunk, each warp an eighth of the chunk. Lanes copy what they multiply into slots of
// their own in shared memory, all of a unit at once, the weights before the preceding kernel has ended. Weights are the
// tensor cores' 16 rows, activations their 8 columns. Sums are f32, in a fixed order.
//
// Where updates are columns of their product, the last block to have summed a chunk of a tile adds up all chunks and leaves
// scale * v behind x, as two 16-bit terms; then the second launch is the product's.
//
// Launch: grid = the plan's `blocks` (made with rowsPerTile 32, chunk 1024, shrinkWeight 0), 256 threads, shared memory
// 96 KB. Scratch: 4 bytes a value, values = sum over pairs of rows (to 32) * rank * chunks.
#include "low_rank_columns.cuh"
#include "low_rank_prefill.cuh"

using namespace low_rank;
using namespace low_rank::prefill;

// 16-byte slots of a lane in each step: two rows of weights, one of each group of inputs.
constexpr int kSlots = 2 + kGroups;
constexpr int kSlotBytes = 32 * 16;
constexpr int kStepBytes = kSlots * kSlotBytes;
constexpr int kWarpBytes = kSteps * kStepBytes;
// Numbers between rows of a warp's sums, which take its slots' place.
constexpr int kPartPitch = kRanks + 1;
static_assert(kTileRows * kPartPitch * sizeof(float) <= kWarpBytes);

// As a call: rare, and long where it is repeated.
__device__ __noinline__ void copyPart(u32 target, const u16 *source, int left) {
#pragma unroll 1
  for (int i = 0; i < kSteps; ++i) copyScalars(target + i * kStepBytes, source + i * kStep, left - i * kStep);
}

// Asks for what a lane has of a row in all steps, as far as there are numbers `left`.
__device__ __forceinline__ void askPart(u32 target, const u16 *source, int left, bool aligned) {
  if (!aligned) return copyPart(target, source, left);
#pragma unroll
  for (int i = 0; i < kSteps; ++i) copy8(target + i * kStepBytes, source + i * kStep, i * kStep < left);
}

struct ShrinkUnit {
  const LowRankPair &pair;
  const ColumnBlocks columns;
  // Chunks of the inputs.
  const int count;
  int firstRank, rank, ranks, firstRow, rows;
  // The tile of rows and ranks among those of all pairs.
  int tile;
  // From this lane's first input to the last.
  int left;
  const u16 *weights, *x;
  float *v;

  __device__ ShrinkUnit(const LowRankUpdateParams &p, const LowRankPair &pair, int unit)
      : pair(pair), columns(p.columns, pair.rowStart), count(ceilDiv(p.group.inputs, kChunk)) {
    const int lane = threadIdx.x % 32, inputs = p.group.inputs;
    const int rankTiles = columns.count ? columns.count : ceilDiv(pair.rank, kRanks);
    const int local = unit - pair.shrinkStart, outer = local / rankTiles;
    const int chunk = outer % count, rowTile = outer / count;
    const int k = chunk * kChunk + threadIdx.x / 32 * kWarpInputs + lane % 4 * 8;
    ranks = pair.rank;
    firstRank = local % rankTiles * kRanks;
    rank = firstRank + lane / 4;
    tile = pair.shrinkStart / count + rowTile * rankTiles + local % rankTiles;
    firstRow = rowTile * kTileRows;
    rows = minimum(pair.rowCount - firstRow, kTileRows);
    left = inputs - k;
    weights = static_cast<const u16 *>(pair.a) + static_cast<long long>(rank) * inputs + k;
    x = static_cast<const u16 *>(p.x) + static_cast<long long>(pair.rowStart + firstRow + lane / 4) * p.xPitch + k;
    v = static_cast<float *>(p.scratch) + pair.scratchStart +
        (static_cast<long long>(rowTile) * count + chunk) * minimum(pair.rowCount, kTileRows) * ranks;
  }

  __device__ __forceinline__ void askWeights(const LowRankUpdateParams &p, u32 slots) const {
    const bool aligned = p.group.inputs % 8 == 0;
    const u16 *high = weights + static_cast<long long>(8) * p.group.inputs;
    askPart(slots, weights, rank < ranks ? left : 0, aligned);
    askPart(slots + kSlotBytes, high, rank + 8 < ranks ? left : 0, aligned);
  }

  __device__ __forceinline__ void askInputs(const LowRankUpdateParams &p, u32 slots) const {
    const bool aligned = (p.group.inputs | p.xPitch) % 8 == 0;
    const int rowsLeft = rows - static_cast<int>(threadIdx.x) % 32 / 4;
#pragma unroll
    for (int i = 0; i < kGroups; ++i) {
      const u16 *source = x + static_cast<long long>(i) * kRows * p.xPitch;
      askPart(slots + (2 + i) * kSlotBytes, source, i * kRows < rowsLeft ? left : 0, aligned);
    }
  }

  // Adds up all warps' sums.
  __device__ __forceinline__ void add(const char *memory) const {
    for (int e = threadIdx.x; e < kTileRows * kRanks; e += kThreads) {
      const int row = e / kRanks, j = e % kRanks;
      if (row >= rows || firstRank + j >= ranks) continue;
      const float *part = reinterpret_cast<const float *>(memory) + row * kPartPitch + j;
      float sum = 0;
#pragma unroll
      for (int w = 0; w < kWarps; ++w) sum += part[w * kWarpBytes / 4];
      v[row * ranks + firstRank + j] = sum;
    }
  }

  // Adds up the chunks of the unit's tile, and leaves them behind x; once all are there.
  __device__ __forceinline__ void leaveColumns(const LowRankUpdateParams &p) const {
    static_assert(kTileRows * kRanks == 2 * kThreads, "a thread has two ranks of a row");
    const int row = threadIdx.x / (kRanks / 2), j = threadIdx.x % (kRanks / 2) * 2;
    if (row >= rows) return;
    const long long chunk = static_cast<long long>(minimum(pair.rowCount, kTileRows)) * ranks;
    const float *first = static_cast<float *>(p.scratch) + pair.scratchStart + firstRow / kTileRows * count * chunk +
                         row * ranks + firstRank + j;
    float sums[2] = {};
    for (int c = 0; c < count; ++c) {
      for (int i = 0; i < 2; ++i) {
        if (firstRank + j + i < ranks) sums[i] += __ldcg(first + c * chunk + i);
      }
    }
    u32 leading = 0, rest = 0;
    for (int i = 0; i < 2; ++i) {
      const float value = sums[i] * pair.scale;
      const u16 high = narrow(value);
      leading |= static_cast<u32>(high) << 16 * i;
      rest |= static_cast<u32>(narrow(value - widen(high))) << 16 * i;
    }
    u16 *x = static_cast<u16 *>(const_cast<void *>(p.x)) +
             static_cast<long long>(pair.rowStart + firstRow + row) * p.xPitch + j +
             columnPlace(p.group, columns.first + firstRank / kRanks, pair.member);
    *reinterpret_cast<u32 *>(x) = leading;
    *reinterpret_cast<u32 *>(x + kRanks) = rest;
  }
};

// This warp's sums over its part of the chunk; lanes read what they have copied themselves.
__device__ __forceinline__ void multiplyPart(u32 slots, int rows, float *part) {
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  Tile sums[kGroups] = {};
#pragma unroll
  for (int j = 0; j < kSteps; ++j) {
    const u32 step = slots + j * kStepBytes;
    const Quad low = loadShared(step), high = loadShared(step + kSlotBytes);
#pragma unroll
    for (int i = 0; i < kGroups; ++i) {
      if (i * kRows < rows) multiplyStep(sums[i], low, high, loadShared(step + (2 + i) * kSlotBytes));
    }
  }
  __syncwarp();
#pragma unroll
  for (int i = 0; i < kGroups; ++i) {
    float *two = part + (i * kRows + 2 * t) * kPartPitch + g;
    two[0] = sums[i].a;
    two[kPartPitch] = sums[i].b;
    two[8] = sums[i].c;
    two[kPartPitch + 8] = sums[i].d;
  }
}

extern "C" __global__ void __launch_bounds__(kThreads, 2) punica_low_rank_shrink(
    const __grid_constant__ LowRankUpdateParams p) {
  extern __shared__ __align__(1024) char memory[];
  char *own = memory + threadIdx.x / 32 * kWarpBytes;
  const u32 slots = sharedAddress(own) + threadIdx.x % 32 * 16;
  const Plan plan(p.plan);
  const LowRankShare share = plan.share();
  if (share.shrinkStart == share.shrinkEnd) {
    awaitPredecessor();
    return clearOthers(p);
  }
  int index = share.shrinkPair;
#pragma unroll 1
  for (int unit = share.shrinkStart; unit < share.shrinkEnd; ++unit) {
    while (unit >= plan.pairs[index].shrinkEnd) ++index;
    const ShrinkUnit at(p, plan.pairs[index], unit);
    at.askWeights(p, slots);
    if (unit == share.shrinkStart) {
      awaitPredecessor();
      // Not sooner: what is released may take it that x is there, but not its columns. Those are for the library's product,
      // which waits for the end of this launch.
      releaseSuccessor();
      clearOthers(p);
    }
    at.askInputs(p, slots);
    commit();
    awaitGroups<0>();
    multiplyPart(slots, at.rows, reinterpret_cast<float *>(own));
    __syncthreads();
    at.add(memory);
    if (at.columns.count && arrivesLast(p.arrivals + at.tile, at.count)) at.leaveColumns(p);
    __syncthreads();
  }
}
