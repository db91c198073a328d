// How dense products of few rows are cut up; constants of dense_stream.cu.
#pragma once

#include "DenseStreamParams.h"
#include "low_rank.cuh"

#ifndef DENSE_UPDATES
#define DENSE_UPDATES 1
#endif
#ifndef DENSE_TILES
#define DENSE_TILES 4
#endif
#ifndef DENSE_ROW_TILES
#define DENSE_ROW_TILES 1
#endif
#ifndef DENSE_DEPTH
#define DENSE_DEPTH 3
#endif

namespace dense {

using namespace low_rank;

// Tiles of W that a block has in hand at once, tiles of rows of x, and stages on their way.
constexpr int kTiles = DENSE_TILES;
constexpr int kRowTiles = DENSE_ROW_TILES;
constexpr int kDepth = DENSE_DEPTH;
// Rows of a tile of W, and bytes of a tile's stage.
constexpr int kTile = 8;
constexpr int kStageInputs = 64;
constexpr int kTileBytes = kTile * kStageInputs * 2;
constexpr int kStageBytes = (kTiles + kRowTiles) * kTileBytes;
// Pieces of 16 bytes in a tile's row.
constexpr int kPieces = kStageInputs / 8;
constexpr int kTileRowBytes = kPieces * 16;
// A set's columns, one for each lane of a warp.
constexpr int kColumns = kTiles * kTile;
constexpr int kMostRows = kRowTiles * kRows;
constexpr int kMembers = DENSE_MEMBERS;
// Warps beside those that stream, for the rows' updates.
constexpr int kUpdateWarps = 8;
constexpr int kUpdateThreads = kUpdateWarps * 32;
constexpr int kWarps = 8;
constexpr int kThreads = kWarps * 32;

static_assert(kRowTiles == 1 || kRowTiles % 2 == 0, "a tensor-core tile has 16 rows");
static_assert(kRows == kUpdateWarps, "a warp has a row of each tile of rows");
static_assert(kColumns <= 32, "a lane has a column");

// Named barriers: of the warps that stream, of those that update, of both, for when sums lie in shared memory and when
// their place is free, and of each pair of warps that share a place.
enum Barrier { kStreams = 1, kUpdates = 2, kFull = 3, kEmpty = 4, kPair = 5 };

template <int kCount>
__device__ __forceinline__ void meet(int barrier) {
  asm volatile("barrier.sync %0, %1;" ::"r"(barrier), "n"(kCount) : "memory");
}

// Counts as there without waiting for the others.
template <int kCount>
__device__ __forceinline__ void arrive(int barrier) {
  asm volatile("barrier.arrive %0, %1;" ::"r"(barrier), "n"(kCount) : "memory");
}

__device__ __forceinline__ float2 widenTwo(u32 pair) {
  return make_float2(widen(static_cast<u16>(pair)), widen(static_cast<u16>(pair >> 16)));
}

// A block's tiles, and the sets of up to kTiles of them that it has in hand at once.
struct Sets {
  int first, last;

  __device__ __forceinline__ explicit Sets(const DenseStreamParams &p) {
    const unsigned tiles = ceilDiv(p.outputs, kTile);
    first = tiles * blockIdx.x / gridDim.x;
    last = tiles * (blockIdx.x + 1) / gridDim.x;
  }

  __device__ __forceinline__ int count() const { return ceilDiv(last - first, kTiles); }
  __device__ __forceinline__ int begin(int set) const { return first + set * kTiles; }
  __device__ __forceinline__ int end(int set) const { return minimum(begin(set) + kTiles, last); }
};

// Where a column of neighbouring tiles lies, and whose it is.
struct Column {
  // Among a row's outputs; gated, among one member's.
  int output;
  int member;
  // Within its member.
  int place;
  bool exists;

  Column() = default;

  __device__ __forceinline__ Column(const DenseStreamParams &p, int firstTile, int lastTile, int index) {
    const int tile = firstTile + index / kTile, c = index % kTile;
    exists = tile < lastTile;
    if (p.isGated) {
      output = place = tile * (kTile / 2) + c % (kTile / 2);
      member = c / (kTile / 2);
    } else {
      output = tile * kTile + c;
      member = (output >= p.columns[1]) + (output >= p.columns[2]) + (output >= p.columns[3]);
      place = output - p.columns[member];
      exists = exists && output < p.outputs;
    }
  }
};

__device__ __forceinline__ float silu(float x) { return x / (1.0f + __expf(-x)); }

// What lies in a gated product's y.
__device__ __forceinline__ u16 gated(float gate, float up) { return narrow(silu(gate) * up); }

}  // namespace dense
