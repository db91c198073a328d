// The queue through which a warp of the fused low-rank kernel gets its weights; see low_rank_decode.cu.
#pragma once

#include "low_rank_outputs.cuh"
#include "low_rank_work.cuh"

// Asks for a block of a unit's weights whatever its adapter's rank; what does not exist is zero. For ranks that are no
// multiples of 8, or above 32 not of 32, and at ragged ends. A call, since it would be in the way.
__device__ __noinline__ void askForAny(u32 target, const LowRankPair *pair, int size, int unit, bool expands,
                                       int block) {
  const int lane = threadIdx.x % 32, rank = pair->rank;
  const u16 *weights = static_cast<const u16 *>(expands ? pair->b : pair->a);
  // 512 bytes are `across` rows; 2 to the `shift` of those until the ranks or inputs of the next step.
  int rows = rank, length = size, row, k, across = 8, shift = 3;
  if (!expands) {
    const ShrinkPlace place(*pair, size, unit);
    row = place.firstRank + lane / 4;
    k = place.input() + lane % 4 * 8;
    shift = 1;
  } else {
    const bool isPacked = rank <= kPackedRank;
    rows = size;
    length = rank;
    row = firstColumn(*pair, size, unit) + lane / (isPacked ? 2 : 4);
    k = lane % (isPacked ? 2 : 4) * 8 + block * kBlockRanks;
    if (isPacked) across = 16;
    if (rank > kStep) shift = 2;
  }
#pragma unroll 1
  for (int i = 0; i < 2 * kSteps; ++i) {
    const int r = row + (i & (1 << shift) - 1) * across, at = k + (i >> shift) * kStep;
    const int count = r < rows ? minimum(length - at, 8) : 0;
    const u16 *source = weights + static_cast<long long>(r) * length + at;
    if (length % 8 == 0) copy8(target + i * 512, source, count > 0);
    else copyScalars(target + i * 512, source, count);
  }
}

// Runs ahead of the products and fills a warp's queue with blocks of weights. A block is eight times 512 bytes, 16 a
// lane: of A, of two times 8 ranks 32 inputs, then the next inputs; of B, one output's weights after the other's, of up to
// 32 ranks at a time. The upper 16 lanes exchange places by fours, so that the expand reads across lanes without conflicts.
struct Queue {
  // How a run's weights lie: in rows, of which B has longer ones than the queue above rank 32; or otherwise.
  enum Order { kRows, kLongRows, kAny };

  // The first slot, this lane's place in it, and which slots come next, in bytes.
  u32 start, slots;
  int filled = 0, used = 0;
  bool expands;
  int unit;
  const LowRankPair *pair;
  // A run is this warp's units that follow each other in one matrix, all of whose outputs or inputs exist.
  Order order;
  int run;
  // Blocks left in the unit, and of each unit.
  int blocks, blocksOfUnit;
  // This lane's weights of the next block's first row; its next rows' lie `rise` elements on each, the next unit's `jump`
  // from the last block's.
  const u16 *low;
  int rise, jump;
  // Whether there are this lane's ranks: of A, of both rows.
  bool lowExists, highExists;

  __device__ Queue(const Work &work, u32 start) : start(start) {
    const int lane = threadIdx.x % 32;
    slots = start + (lane ^ lane / 16 * 4) * 16;
    open(work, false);
  }

  __device__ __forceinline__ void open(const Work &work, bool expand) {
    expands = expand;
    unit = expand ? work.share.expandStart + threadIdx.x / 32 : work.share.shrinkStart;
    pair = work.first(expand);
    run = 0;
  }

  // Begins the next run, if any.
  __device__ __forceinline__ void seek(const Work &work) {
    if (!expands && unit >= work.share.shrinkEnd) open(work, true);
    if (!expands) {
      pair = work.seek(pair, false, unit);
      return seekInputs(work);
    }
#pragma unroll 1
    while (unit < work.share.expandEnd) {
      pair = work.seek(pair, true, unit);
      if (pair->rank > 0) return seekOutputs(work);
      // Zeros are no warp's.
      unit = work.firstOfWarp(pair->expandEnd);
    }
  }

  __device__ __forceinline__ void seekInputs(const Work &work) {
    const int lane = threadIdx.x % 32, inputs = work.p.group.inputs;
    const ShrinkPlace place(*pair, inputs, unit);
    const int rank = place.firstRank + lane / 4, left = inputs - kWarpInputs - place.input();
    // Of the last chunk a warp may have nothing.
    const bool isThere = left > -kWarpInputs;
    order = inputs % 8 == 0 && (left >= 0 || !isThere) ? kRows : kAny;
    run = left < 0 || order == kAny ? 1 : minimum(work.share.shrinkEnd - unit, left / kChunk + 1);
    low = static_cast<const u16 *>(pair->a) + static_cast<long long>(rank) * inputs + place.input() + lane % 4 * 8;
    rise = 8 * inputs;
    lowExists = isThere && rank < pair->rank;
    highExists = isThere && rank + 8 < pair->rank;
    blocks = blocksOfUnit = 1;
    jump = kChunk;
  }

  __device__ __forceinline__ void seekOutputs(const Work &work) {
    const int lane = threadIdx.x % 32, rank = pair->rank, shift = widthShift(rank);
    const int outputs = work.p.group.outputs[pair->member], column = firstColumn(*pair, outputs, unit);
    const int left = outputs - (1 << shift) - column;
    const int lanes = rank <= kPackedRank ? 2 : 4, k = lane % lanes * 8;
    order = left < 0 || rank % (rank <= kStep ? 8 : kStep) != 0 ? kAny : rank <= kStep ? kRows : kLongRows;
    run = order == kAny ? 1 : minimum(ceilDiv(work.share.expandEnd - unit, kWarps), (left >> shift) / kWarps + 1);
    low = static_cast<const u16 *>(pair->b) + static_cast<long long>(column + lane / lanes) * rank + k;
    rise = 32 / lanes * rank;
    lowExists = k < rank;
    blocks = blocksOfUnit = ceilDiv(rank, kBlockRanks);
    jump = (kWarps * rank << shift) - (blocks - 1) * kBlockRanks;
  }

  // Asks for the next block's weights, if any, into the next slots.
  __device__ __forceinline__ void fill(const Work &work) {
    if (run == 0) seek(work);
    if (run > 0) {
      ask(work, slots + filled);
      if (--blocks > 0) {
        low += kBlockRanks;
      } else {
        blocks = blocksOfUnit;
        low += jump;
        unit += expands ? kWarps : 1;
        --run;
      }
    }
    filled = filled + kBlockBytes == kDepth * kBlockBytes ? 0 : filled + kBlockBytes;
    commit();
  }

  __device__ __forceinline__ void ask(const Work &work, u32 target) const {
    if (order == kRows && !expands) {
      const u16 *high = low + rise;
#pragma unroll
      for (int i = 0; i < kSteps; ++i) {
        copy8(target + i * 1024, low + i * kStep, lowExists);
        copy8(target + i * 1024 + 512, high + i * kStep, highExists);
      }
    } else if (order == kRows) {
#pragma unroll
      for (int i = 0; i < 2 * kSteps; ++i) copy8(target + i * 512, low + i * rise, lowExists);
    } else if (order == kLongRows) {
      // The last block may have half of its ranks; `rise` is 8 rows long.
      const bool isWhole = blocks > 1 || rise % (8 * kBlockRanks) == 0;
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        copy8(target + i * 512, low + i * rise, true);
        if (isWhole) copy8(target + 2048 + i * 512, low + i * rise + kStep, true);
      }
    } else {
      const int size = expands ? work.p.group.outputs[pair->member] : work.p.group.inputs;
      askForAny(target, pair, size, unit, expands, blocksOfUnit - blocks);
    }
  }

  // Waits for the oldest block. Returns its slot.
  __device__ __forceinline__ u32 take() {
    awaitGroups<kDepth - 1>();
    const int slot = used;
    used = used + kBlockBytes == kDepth * kBlockBytes ? 0 : used + kBlockBytes;
    return slot;
  }

  // The same for weights that this lane has asked for itself: returns where those of the first step are, the low ranks'
  // there, the high ranks' 512 bytes on, the next step's 1 KB on.
  __device__ __forceinline__ u32 takeOwn() { return slots + take(); }

  // The same for weights of all lanes; the block is given back by `refill`.
  __device__ __forceinline__ u32 takeShared() {
    const u32 slot = take();
    __syncwarp();
    return start + slot;
  }

  __device__ __forceinline__ void refill(const Work &work) {
    __syncwarp();
    fill(work);
  }
};
