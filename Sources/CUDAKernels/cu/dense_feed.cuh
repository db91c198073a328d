// The queue through which a warp gets weights and inputs, and the products of one stage of it; see dense_stream.cu.
#pragma once

#include "dense_shape.cuh"

namespace dense {

// Tensor-core tiles of x, which have 16 rows.
constexpr int kTall = (kRowTiles + 1) / 2;
// The rows of W that a warp copies at once.
constexpr int kCopiedRows = 32 / kPieces;

static_assert(kTile == 2 * kCopiedRows, "a tile is copied in two halves");

// Where a piece of 16 bytes lies in a tile: neighbouring rows swap their halves, so that no two lanes of a fragment
// read share a bank.
__device__ __forceinline__ u32 placeInTile(int row, int piece) {
  return row * kTileRowBytes + (piece ^ (row & 1) << 2) * 16;
}

// copy8 for weights that nobody reads again: they leave L2 before all else that is there.
__device__ __forceinline__ void copy8Once(u32 target, const u16 *source, bool exists) {
  asm volatile("{\n\t.reg .b64 policy;\n\t"
               "createpolicy.fractional.L2::evict_first.b64 policy, 1.0;\n\t"
               "cp.async.cg.shared.global.L2::cache_hint.L2::128B [%0], [%1], 16, %2, policy;\n\t}" ::"r"(target),
               "l"(source), "r"(exists ? 16 : 0)
               : "memory");
}

// Fills a warp's queue: all stages of its inputs for a set of tiles, then for the next. Warps take neighbouring stages,
// so that a block reads 1 KB of a row at about the same time; blocks begin with different ones, so that they do not all
// ask for the same inputs at a time. A lane copies a piece of every fourth row.
struct Feed {
  const DenseStreamParams &p;
  const Sets &sets;
  const u32 slots;
  const int stages;
  // Elements from a tile to the next, and from a tile's first rows to its last.
  const long long toNext, toLast;
  // The stage that this warp begins each set with.
  const int firstStage;
  int set = 0, stage, slot = 0, used = 0;
  // What this lane copies next of the set's first tile, and which of its rows exist: two bits a tile.
  const u16 *weights;
  u32 present;

  __device__ __forceinline__ Feed(const DenseStreamParams &p, const Sets &sets, u32 slots)
      : p(p), sets(sets), slots(slots), stages(ceilDiv(p.inputs, kStageInputs)),
        toNext(static_cast<long long>(p.isGated ? kTile / 2 : kTile) * p.weightPitch),
        toLast(static_cast<long long>(p.isGated ? p.outputs / 2 : kCopiedRows) * p.weightPitch),
        firstStage(warp() + firstRound() * kWarps), stage(firstStage) {
    openSet();
  }

  __device__ __forceinline__ static int warp() { return threadIdx.x / 32; }
  // How many stages this warp has.
  __device__ __forceinline__ int stageCount() const { return ceilDiv(stages - warp(), kWarps); }
  // How many stages of each warp come before its first. More than 16 rows are quicker with one order in all blocks.
  __device__ __forceinline__ int firstRound() const {
    return kRowTiles < 4 ? blockIdx.x % maximum(stages / kWarps, 1) : 0;
  }
  __device__ __forceinline__ bool isEmpty() const { return set >= sets.count() || stage >= stages; }
  __device__ __forceinline__ static int row() { return threadIdx.x % 32 / kPieces; }
  __device__ __forceinline__ static int piece() { return threadIdx.x % kPieces; }
  __device__ __forceinline__ int input() const { return stage * kStageInputs + piece() * 8; }
  __device__ __forceinline__ u32 target() const { return slots + slot * kStageBytes + placeInTile(row(), piece()); }

  __device__ __forceinline__ void openSet() {
    const int tile = sets.begin(set), first = tile * (p.isGated ? kTile / 2 : kTile) + row();
    weights = static_cast<const u16 *>(p.weight) + static_cast<long long>(first) * p.weightPitch + input();
    present = 0;
#pragma unroll
    for (int i = 0; i < kTiles; ++i) {
      const int left = tile + i >= sets.last ? 0 : p.isGated ? kTile : p.outputs - first - i * kTile;
      present |= (left > 0) << 2 * i | (left > kCopiedRows) << (2 * i + 1);
    }
  }

  __device__ __forceinline__ void copyWeights() const {
    const u32 exist = input() < p.inputs ? present : 0, target = this->target();
    const u16 *source = weights;
#pragma unroll
    for (int i = 0; i < kTiles; ++i, source += toNext) {
      copy8Once(target + i * kTileBytes, source, exist >> 2 * i & 1);
      copy8Once(target + i * kTileBytes + kTileBytes / 2, source + toLast, exist >> (2 * i + 1) & 1);
    }
  }

  __device__ __forceinline__ void copyInputs() const {
    const bool exists = input() < p.inputs;
    const u32 target = this->target() + kTiles * kTileBytes;
    const u16 *source = static_cast<const u16 *>(p.x) + static_cast<long long>(row()) * p.xPitch + input();
#pragma unroll
    for (int i = 0; i < 2 * kRowTiles; ++i, source += kCopiedRows * p.xPitch) {
      copy8(target + i * (kTileBytes / 2), source, exists && row() + i * kCopiedRows < p.rows);
    }
  }

  __device__ __forceinline__ void advance() {
    slot = slot + 1 == kDepth ? 0 : slot + 1;
    stage += kWarps;
    weights += kWarps * kStageInputs;
    if (stage >= stages) {
      stage = warp();
      weights -= stageCount() * (kWarps * kStageInputs);
    }
    if (stage != firstStage) return;
    ++set;
    openSet();
  }

  // Waits for the oldest stage.
  __device__ __forceinline__ u32 take() {
    awaitGroups<kDepth - 1>();
    __syncwarp();
    const u32 block = slots + used * kStageBytes;
    used = used + 1 == kDepth ? 0 : used + 1;
    return block;
  }

  // Asks for another stage in the place of one that all lanes have done with.
  __device__ __forceinline__ void refill() {
    __syncwarp();
    if (!isEmpty()) {
      copyWeights();
      copyInputs();
    }
    advance();
    commit();
  }
};

// The products of one stage.
__device__ __forceinline__ void multiplyStage(Tile (&sums)[kTall][kTiles], u32 block) {
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
#pragma unroll
  for (int half = 0; half < kStageInputs / kStep; ++half) {
    const u32 place = block + placeInTile(g, t + 4 * half);
    Quad x[2 * kTall] = {};
#pragma unroll
    for (int i = 0; i < kRowTiles; ++i) x[i] = loadShared(place + (kTiles + i) * kTileBytes);
#pragma unroll
    for (int j = 0; j < kTiles; ++j) {
      const Quad w = loadShared(place + j * kTileBytes);
#pragma unroll
      for (int m = 0; m < kTall; ++m) {
        const Quad &low = x[2 * m], &high = x[2 * m + 1];
        multiply(sums[m][j], low.x, high.x, low.y, high.y, w.x, w.y);
        multiply(sums[m][j], low.z, high.z, low.w, high.w, w.z, w.w);
      }
    }
  }
}

}  // namespace dense
