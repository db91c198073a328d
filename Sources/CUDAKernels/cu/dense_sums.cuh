// Where the sums of a block's warps meet, and what becomes of them.
#pragma once

#include "dense_epilogue.cuh"
#include "dense_feed.cuh"

namespace dense {

// How many warps' sums lie in shared memory at a time.
constexpr int kParts = kRowTiles < 4 ? kWarps : kWarps / 2;
// Sums of a tile's neighbouring rows lie in different banks: by an odd multiple of 8 columns, or where tiles change places.
constexpr bool kTilesChangePlaces = kTiles == 4;
constexpr int kPitch = kTiles % 2 || kTilesChangePlaces ? kColumns : kColumns + 8;
// Threads that meet where sums pass from the warps that stream to those that update: a warp of each part, and these.
constexpr int kPassing = kParts * 32 + kUpdateThreads;

static_assert(kRows == kWarps, "a warp stores a row of each tile of rows");

// Where a tile's sums lie among those of its row.
__device__ __forceinline__ int tilePlace(int tile, int row) { return kTilesChangePlaces ? tile ^ row % 4 : tile; }

// Leaves a warp's sums in its part, added to what lies there or not.
__device__ __forceinline__ void leaveSums(const Tile (&sums)[kTall][kTiles], float *parts, bool adds) {
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  float *own = parts + (threadIdx.x / 32 % kParts * kMostRows + g) * kPitch + 2 * t;
#pragma unroll
  for (int i = 0; i < kRowTiles; ++i) {
#pragma unroll
    for (int j = 0; j < kTiles; ++j) {
      const Tile &tile = sums[i / 2][j];
      float2 two = i % 2 ? make_float2(tile.c, tile.d) : make_float2(tile.a, tile.b);
      float2 *place = reinterpret_cast<float2 *>(own + i * kRows * kPitch + tilePlace(j, g) * kTile);
      if (adds) {
        two.x += place->x;
        two.y += place->y;
      }
      *place = two;
    }
  }
}

// All warps' sums of a lane's column, for row `warp` of each tile of rows.
__device__ __forceinline__ void addParts(const float *parts, int warp, float (&totals)[kRowTiles]) {
  const int lane = threadIdx.x % 32, column = tilePlace(lane / kTile, warp) * kTile + lane % kTile;
#pragma unroll
  for (int j = 0; j < kRowTiles; ++j) {
    totals[j] = 0;
    if (lane >= kColumns) continue;
#pragma unroll
    for (int w = 0; w < kParts; ++w) totals[j] += parts[(w * kMostRows + warp + kWarps * j) * kPitch + column];
  }
}

// Leaves a set's sums for the warps that update, who say when they have read the set before: for that the first warp of
// each part waits, and its second for the first.
__device__ __forceinline__ void passSums(const Tile (&sums)[kTall][kTiles], float *parts, int set) {
  const int warp = threadIdx.x / 32, part = warp % kParts;
  const bool isFirst = warp >= kWarps - kParts, isLast = warp < kParts;
  if (!isFirst) meet<64>(kPair + part);
  else if (set > 0) meet<kPassing>(kEmpty);
  leaveSums(sums, parts, !isFirst);
  if (isLast) arrive<kPassing>(kFull);
  else arrive<64>(kPair + part);
}

// All warps' sums of a set meet in shared memory.
__device__ __forceinline__ void gatherSums(const Tile (&sums)[kTall][kTiles], float *parts,
                                           float (&totals)[kRowTiles]) {
  const int warp = threadIdx.x / 32;
  if (warp >= kWarps - kParts) leaveSums(sums, parts, false);
  meet<kThreads>(kStreams);
  if (kParts < kWarps) {
    if (warp < kParts) leaveSums(sums, parts, true);
    meet<kThreads>(kStreams);
  }
  addParts(parts, warp, totals);
}

// Sums become outputs; `factors` are of all rows.
__device__ __forceinline__ void store(Epilogue &epilogue, const Column &column, const EpilogueInputs &others,
                                      const float *factors, float (&sums)[kRowTiles]) {
#pragma unroll
  for (int j = 0; j < kRowTiles; ++j) sums[j] = sums[j] * factors[epilogue.warp + kWarps * j] + others.olds[j];
  epilogue.store(column, sums, others.norm);
}

// What the warps that stream do with sums where no row has an adapter: they make outputs of them.
struct Storing {
  const DenseStreamParams &p;
  const Sets &sets;
  float *const parts, *const factors;
  // Asked for long before they are needed: a load that is waited for holds up the queue.
  const Squares squares;
  Epilogue epilogue;
  Column column;
  EpilogueInputs others;

  __device__ __forceinline__ Storing(const DenseStreamParams &p, const Sets &sets, float *parts, float *factors)
      : p(p), sets(sets), parts(parts), factors(factors), squares(p, threadIdx.x / 32), epilogue(p, threadIdx.x / 32) {}

  __device__ __forceinline__ void begin(int set) {
    column = Column(p, sets.begin(set), sets.end(set), threadIdx.x % 32);
    others = EpilogueInputs(p, column, epilogue.warp);
  }

  __device__ __forceinline__ void end(int set, const Tile (&sums)[kTall][kTiles]) {
    if (set == 0) squares.leaveFactors(factors);
    float totals[kRowTiles];
    gatherSums(sums, parts, totals);
    if (set + 1 < sets.count()) meet<kThreads>(kStreams);
    store(epilogue, column, others, factors, totals);
  }

  __device__ __forceinline__ void close() { epilogue.finish(); }
};

// What they do where rows may have adapters: other warps take the sums over.
struct Passing {
  float *const parts;

  __device__ __forceinline__ Passing(const DenseStreamParams &, const Sets &, float *parts, float *) : parts(parts) {}

  __device__ __forceinline__ void begin(int) {}
  __device__ __forceinline__ void end(int set, const Tile (&sums)[kTall][kTiles]) { passSums(sums, parts, set); }
  __device__ __forceinline__ void close() {}
};

}  // namespace dense
