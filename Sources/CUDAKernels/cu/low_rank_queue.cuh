// The queue through which a warp of the fused low-rank kernel gets its weights; see low_rank_decode.cu.
#pragma once

#include "low_rank_outputs.cuh"

using namespace low_rank;

#ifndef LOW_RANK_WARPS
#define LOW_RANK_WARPS 8
#endif
// Blocks of weights that a warp asks for ahead, and how many of them before it waits for the preceding kernel.
#ifndef LOW_RANK_DEPTH
#define LOW_RANK_DEPTH 3
#endif
#ifndef LOW_RANK_EARLY
#define LOW_RANK_EARLY 3
#endif
// Polls after which a launch whose blocks do not all run ends in an error instead of never.
#ifndef LOW_RANK_PATIENCE
#define LOW_RANK_PATIENCE (1 << 24)
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
constexpr int kChunk = kWarps * kWarpInputs;
constexpr int kCachedPairs = 64;
// Row tiles' results pass through 288 floats a warp: 2 rows of 128 or 4 rows of 64 outputs, padded against conflicts.
constexpr int kTileFloats = 288;
constexpr int kPackedPitch = 144;
constexpr int kWidePitch = 72;
constexpr int kNone = -(1 << 30);

static_assert(2 * kRanks * kRows <= kTileFloats);

struct Work {
  const LowRankUpdateParams &p;
  const LowRankPair *near, *far;
  const LowRankShare &share;

  __device__ const LowRankPair &pair(int index) const { return index < kCachedPairs ? near[index] : far[index]; }
};

// Runs ahead of the products and fills a warp's queue with blocks of weights.
struct Queue {
  u32 slots;
  int filled = 0, used = 0;
  bool expands;
  int unit, end, pair;
  // This lane's two rows of the next block: step i lies `stride` elements on and exists while i << shift < left.
  const u16 *low, *high;
  int lowLeft, highLeft, stride, shift;
  // From unit to unit: elements and what `left` loses; a jump of 0, or no blocks left, has the unit looked up.
  int jump, loss, inner, innerEnd, blocks;
  // Elements of 8 that exist, where it is not `left` that says so.
  int tail;
  bool aligned;

  __device__ Queue(const Work &work, u32 slots) : slots(slots) { open(work, false); }

  __device__ bool isEmpty() const { return unit >= end; }

  __device__ void open(const Work &work, bool expand) {
    expands = expand;
    unit = expand ? work.share.expandStart + threadIdx.x / 32 : work.share.shrinkStart;
    end = expand ? work.share.expandEnd : work.share.shrinkEnd;
    pair = expand ? work.share.expandPair : work.share.shrinkPair;
    blocks = 0;
  }

  __device__ __forceinline__ void seek(const Work &work) {
    const int lane = threadIdx.x % 32;
    if (!expands) {
      while (unit >= work.pair(pair).shrinkEnd) ++pair;
      const LowRankPair &at = work.pair(pair);
      const int inputs = work.p.group.inputs, local = unit - at.shrinkStart;
      innerEnd = ceilDiv(inputs, kChunk);
      const unsigned outer = static_cast<unsigned>(local) / innerEnd;
      inner = local - outer * innerEnd;
      const int rank = static_cast<int>(outer % ceilDiv(at.rank, kRanks)) * kRanks + lane / 4;
      const int k = inner * kChunk + threadIdx.x / 32 * kWarpInputs + lane % 4 * 8;
      low = static_cast<const u16 *>(at.a) + static_cast<long long>(rank) * inputs + k;
      high = low + static_cast<long long>(8) * inputs;
      lowLeft = rank < at.rank ? inputs - k : kNone;
      highLeft = rank + 8 < at.rank ? inputs - k : kNone;
      stride = kStep;
      shift = 5;
      jump = loss = kChunk;
      blocks = 1;
      tail = 0;
      aligned = inputs % 8 == 0;
      return;
    }
    while (unit >= work.pair(pair).expandEnd) ++pair;
    const LowRankPair &at = work.pair(pair);
    const int outputs = work.p.group.outputs[at.member], rank = at.rank, width = unitWidth(rank);
    const bool packed = rank <= kPackedRank, narrow = rank <= kStep;
    innerEnd = ceilDiv(outputs, width);
    inner = static_cast<unsigned>(unit - at.expandStart) % innerEnd;
    const int column = inner * width + (packed ? lane / 2 : lane / 4), across = packed ? 16 : 8;
    const int k = (packed ? lane % 2 : lane % 4) * 8;
    low = static_cast<const u16 *>(at.b) + static_cast<long long>(column) * rank + k;
    high = low + across * rank;
    lowLeft = narrow ? (k < rank ? outputs - column : kNone) : column < outputs ? rank - k : kNone;
    highLeft = narrow ? lowLeft - across : column + across < outputs ? rank - k : kNone;
    stride = narrow ? 2 * across * rank : kStep;
    shift = packed || !narrow ? 5 : 4;
    jump = narrow ? kWarps * width * rank : 0;
    loss = narrow ? kWarps * width : 0;
    blocks = ceilDiv(unitSteps(rank), kSteps);
    tail = narrow ? rank - k : 0;
    aligned = rank % 8 == 0;
  }

  __device__ u32 slot(int index) const { return slots + index * kBlockBytes + threadIdx.x % 32 * 16; }

  // Asks for the next block's weights, if any, into the next slots.
  __device__ __forceinline__ void fill(const Work &work) {
    if (isEmpty() && !expands) open(work, true);
    if (!isEmpty()) {
      if (blocks == 0) seek(work);
      const u32 target = slot(filled);
      const int round = (1 << shift) - 1;
      const int lows = (lowLeft + round) >> shift, highs = (highLeft + round) >> shift;
      if (aligned) {
#pragma unroll
        for (int i = 0; i < kSteps; ++i) {
          copy8(target + i * 1024, low + i * stride, i < lows);
          copy8(target + i * 1024 + 512, high + i * stride, i < highs);
        }
      } else {
#pragma unroll 1
        for (int i = 0; i < kSteps; ++i) {
          copyScalars(target + i * 1024, low + i * stride, i < lows ? (tail ? tail : lowLeft - i * kStep) : 0);
          copyScalars(target + i * 1024 + 512, high + i * stride, i < highs ? (tail ? tail : highLeft - i * kStep) : 0);
        }
      }
      advance();
    }
    filled = filled + 1 == kDepth ? 0 : filled + 1;
    commit();
  }

  __device__ __forceinline__ void advance() {
    if (--blocks > 0) {
      low += kWarpInputs;
      high += kWarpInputs;
      lowLeft -= kWarpInputs;
      highLeft -= kWarpInputs;
      return;
    }
    const int step = expands ? kWarps : 1;
    unit += step;
    inner += step;
    if (jump == 0 || inner >= innerEnd) return;
    blocks = 1;
    low += jump;
    high += jump;
    lowLeft -= loss;
    highLeft -= loss;
  }

  // Waits for the oldest block. Returns where this lane's weights of its first step are: the low row's there, the high
  // row's 512 bytes on, the next step's 1 KB on.
  __device__ __forceinline__ u32 take() {
    awaitGroups<kDepth - 1>();
    const u32 block = slot(used);
    used = used + 1 == kDepth ? 0 : used + 1;
    return block;
  }
};
