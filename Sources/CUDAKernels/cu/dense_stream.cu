// y[T, N] = x[T, K]·W[N, K]ᵀ for T up to 8, 16 or 32 rows, with each row's low-rank update: W is read once, at the
// rate of the memory.
//
// A block has neighbouring tiles of 8 rows of W and takes DENSE_TILES of them at a time; its warps share the inputs,
// and their sums meet in shared memory. Weights and inputs come by asynchronous copies, a stage of 64 inputs at a time,
// into a queue that each warp has to itself and that runs on from one set of tiles to the next. Before the kernel before
// this one has ended, weights are already on their way: that hides its tail and the launch. Activations are the tensor
// cores' 16 rows, weights their 8 columns; which k each element stands for is free as long as both sides agree.
//
// Gated, W is [gate | up], a tile has 4 rows of each, and y = silu(gate) * up. y may be the residual stream, to which is
// added and whose norm follows (dense_epilogue.cuh). Sums are f32, in an order that depends on K, on whether T is above
// 16, and up to there on the output's block; y is rounded once.
//
// Blocks of a launch with updates wait for each other: all of them must fit on the device at once, and one such launch
// may be in flight at a time.
// Constants: PUNICA_BF16, DENSE_UPDATES (whether rows may have adapters), DENSE_TILES, DENSE_ROW_TILES (1, 2, 4: up to
// 8, 16, 32 rows), DENSE_DEPTH (stages on their way). Launch: one block a multiprocessor, 256 threads, with updates 512,
// dynamic shared memory
//   8 * DENSE_DEPTH * (DENSE_TILES + DENSE_ROW_TILES) * 1024 + parts * DENSE_ROW_TILES * 8 * pitch * 4
// parts = 8, for 32 rows 4; pitch = the odd multiple of 8 from 8 * DENSE_TILES on. K is a multiple of 8, N of 8 if
// gated; addresses are multiples of 16.
#include "dense_epilogue.cuh"
#include "dense_expand.cuh"
#include "dense_feed.cuh"

using namespace dense;

// How many warps' sums lie in shared memory at a time.
constexpr int kParts = kRowTiles < 4 ? kWarps : kWarps / 2;
// An odd multiple of 8, so that the rows of a tile's sums lie in different banks.
constexpr int kPitch = kTiles % 2 ? kColumns : kColumns + 8;

static_assert(kRows == kWarps, "a warp stores a row of each tile of rows");

// What the warps that stream pass to those that update: W's sums of a set, in two buffers.
struct Sums {
  float totals[2][kMostRows][kColumns];
  float changes[kMostRows][kColumns];
};

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
      float2 *place = reinterpret_cast<float2 *>(own + i * kRows * kPitch + j * kTile);
      if (adds) {
        two.x += place->x;
        two.y += place->y;
      }
      *place = two;
    }
  }
}

// All warps' sums of a lane's column, of this warp's rows.
__device__ __forceinline__ void addParts(const float *parts, float (&totals)[kRowTiles]) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int j = 0; j < kRowTiles; ++j) {
    const int row = threadIdx.x / 32 + kWarps * j;
    totals[j] = 0;
    if (lane >= kColumns) continue;
#pragma unroll
    for (int w = 0; w < kParts; ++w) totals[j] += parts[(w * kMostRows + row) * kPitch + lane];
  }
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
  addParts(parts, totals);
}

// The work of the warps that stream, for which rows have adapters or not: `factors`, of all rows, or `waiting` is null.
__device__ __forceinline__ void stream(const DenseStreamParams &p, const Sets &sets, char *memory, float *factors,
                                       Sums *waiting) {
  float *parts = reinterpret_cast<float *>(memory + kWarps * kDepth * kStageBytes);
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, count = sets.count();
  Feed feed(p, sets, sharedAddress(memory) + warp * kDepth * kStageBytes);
  Feed inputs = feed;
#pragma unroll 1
  for (int asked = 0; asked < kDepth; ++asked) {
    if (!feed.isEmpty()) feed.copyWeights();
    feed.advance();
  }
  releaseSuccessor();
  awaitPredecessor();
#pragma unroll 1
  for (int asked = 0; asked < kDepth; ++asked) {
    if (!inputs.isEmpty()) inputs.copyInputs();
    inputs.advance();
    commit();
  }
  Epilogue epilogue(p, warp);
#pragma unroll 1
  for (int set = 0; set < count; ++set) {
    const Column column(p, sets.begin(set), sets.end(set), lane);
    const EpilogueInputs others(p, column, warp);
    Tile sums[kTall][kTiles] = {};
#pragma unroll 1
    for (int left = feed.stageCount(); left > 0; --left) {
      multiplyStage(sums, feed.take());
      feed.refill();
    }
    // Here the queue keeps the memory busy; at the beginning all would wait.
    if (kMeetsNorms && set == 0) findFactors(p, warp, factors);
    float totals[kRowTiles];
    gatherSums(sums, parts, totals);
    if (set + 1 < count) meet<kThreads>(kStreams);
    if (!waiting) {
#pragma unroll
      for (int j = 0; j < kRowTiles; ++j) totals[j] = totals[j] * factors[warp + kWarps * j] + others.olds[j];
      epilogue.store(column, totals, others.norm);
      continue;
    }
    if (set >= 2) meet<kThreads + kUpdateThreads>(kEmpty + set % 2);
#pragma unroll
    for (int j = 0; j < kRowTiles; ++j) {
      if (lane < kColumns) waiting->totals[set % 2][warp + kWarps * j][lane] = totals[j];
    }
    arrive<kThreads + kUpdateThreads>(kFull + set % 2);
  }
  if (!waiting) epilogue.finish();
}

// A set's sums with their changes, for the rows of one of the warps that update.
__device__ __forceinline__ void addChanges(const Column &column, int set, const Updates &updates, const Sums &waiting,
                                           float (&outputs)[kRowTiles]) {
  const int warp = threadIdx.x / 32 - kWarps, lane = threadIdx.x % 32;
#pragma unroll
  for (int j = 0; j < kRowTiles; ++j) {
    const int row = warp + kWarps * j;
    outputs[j] = 0;
    if (!column.exists) continue;
    float sum = waiting.totals[set % 2][row][lane];
    const LowRankEntry &own = updates.entries[row * kMembers + column.member];
    if (own.rank > 0) {
      sum += waiting.changes[row][lane];
      if (own.columnScale) sum *= own.columnScale[column.place];
    }
    outputs[j] = sum;
  }
}

// The work of the warps beside them. Weights for the batch after the present one are on their way while this one is
// used, and those of the first while A·x is made: what a launch does is in the code once.
__device__ __forceinline__ void update(const DenseStreamParams &p, const Sets &sets, Updates &updates, Sums &waiting) {
  constexpr int kAll = kThreads + kUpdateThreads;
  const int thread = threadIdx.x - kThreads, count = sets.count();
  const u32 tag = p.plan->tag;
  const int units = lookUp(*p.plan, updates, thread);
  Epilogue epilogue(p, thread / 32);
  Expansion expansion(p, updates, sets, thread, tag, waiting.changes);
  PieceBatch batch;
  // None yet; a flag beside it would take a register too many.
  batch.set = -1;
  int set = 0, base = 0;
#pragma unroll 1
  do {
    PieceBatch next;
    next.set = set;
    if (set < count) next = expansion.fetch(set, base);
    base += kBatch;
    if (base >= expansion.total()) {
      base = 0;
      ++set;
    }
    if (batch.set < 0) {
      releaseSuccessor();
      shrink(p, updates, units, thread, tag);
    } else {
      expansion.use(batch);
      if (expansion.isLast(batch)) {
        float outputs[kRowTiles];
        __syncwarp();
        meet<kAll>(kFull + batch.set % 2);
        addChanges(batch.column, batch.set, updates, waiting, outputs);
        if (batch.set + 2 < count) arrive<kAll>(kEmpty + batch.set % 2);
        epilogue.store(batch.column, outputs, 0);
      }
    }
    batch = next;
  } while (batch.set < count);
}

extern "C" __global__ void __launch_bounds__(DENSE_UPDATES ? kThreads + kUpdateThreads : kThreads, 1)
    punica_dense_stream(const __grid_constant__ DenseStreamParams p) {
  extern __shared__ __align__(1024) char memory[];
  const Sets sets(p);
#if DENSE_UPDATES
  static_assert(sizeof(Updates) <= kMostRows * kRowBytes + kUpdateBytes, "the host counts with so much");
  __shared__ Updates updates;
  __shared__ Sums waiting;
  if (threadIdx.x < kThreads) stream(p, sets, memory, nullptr, &waiting);
  else update(p, sets, updates, waiting);
#else
  __shared__ float factors[kMostRows];
  stream(p, sets, memory, factors, nullptr);
#endif
}
