// y[T, N] = x[T, K]·W[N, K]ᵀ for T up to 8, 16 or 32 rows: W is read once, at the rate of the memory.
//
// A block has neighbouring tiles of 8 rows of W and takes DENSE_TILES of them at a time; its warps share the inputs, and
// their sums meet in shared memory. Weights and inputs come by asynchronous copies, a stage of 64 inputs at a time, into
// a queue that each warp has to itself and that runs on from one set of tiles to the next. Before the kernel before this
// one has ended, weights are already on their way: that hides its tail and the launch. Activations are the tensor
// cores' 16 rows, weights their 8 columns; which k each element stands for is free as long as both sides agree.
//
// An update is the work of the launch right before this one, which runs beside it and tells when x is complete; the wait
// for the update itself comes near the end. Sums are f32, in an order that
// depends on N and K alone; y is rounded once.
//
// Constants: PUNICA_BF16, DENSE_TILES, DENSE_ROW_TILES (1, 2, 4: up to 8, 16, 32 rows), DENSE_DEPTH (stages on their
// way). Launch: one block a multiprocessor, 256 threads, dynamic shared memory
//   8 * DENSE_DEPTH * (DENSE_TILES + DENSE_ROW_TILES) * 1024 + parts * DENSE_ROW_TILES * 8 * pitch * 4
// parts = 8, for 32 rows 4; pitch = the odd multiple of 8 from 8 * DENSE_TILES on. K is a multiple of 8; addresses are multiples of 16.
#include "DenseStreamParams.h"
#include "low_rank.cuh"

#ifndef DENSE_TILES
#define DENSE_TILES 4
#endif
#ifndef DENSE_ROW_TILES
#define DENSE_ROW_TILES 1
#endif
#ifndef DENSE_DEPTH
#define DENSE_DEPTH 3
#endif

using namespace low_rank;

constexpr int kWarps = 8;
constexpr int kThreads = kWarps * 32;
constexpr int kTiles = DENSE_TILES;
constexpr int kRowTiles = DENSE_ROW_TILES;
constexpr int kDepth = DENSE_DEPTH;
// Rows of a tile of W, and bytes of a tile's stage.
constexpr int kTile = 8;
constexpr int kStageInputs = 64;
constexpr int kTileBytes = kTile * kStageInputs * 2;
// Pieces of 16 bytes in a tile's row, and the rows that a warp copies at once.
constexpr int kPieces = kStageInputs / 8;
constexpr int kCopiedRows = 32 / kPieces;
constexpr int kCopies = kTile / kCopiedRows;
// The tensor cores' tiles of activations, and how many warps' sums lie in shared memory at a time.
constexpr int kTall = (kRowTiles + 1) / 2;
constexpr int kParts = kRowTiles < 4 ? kWarps : kWarps / 2;
constexpr int kStageBytes = (kTiles + kRowTiles) * kTileBytes;
constexpr int kMostRows = kRowTiles * kRows;
constexpr int kColumns = kTiles * kTile;
// An odd multiple of 8, so that the rows of a tile's sums lie in different banks.
constexpr int kPitch = kTiles % 2 ? kColumns : kColumns + 8;
constexpr int kOutputs = (kMostRows * kColumns + kThreads - 1) / kThreads;
constexpr int kMembers = 4;

static_assert(kRowTiles == 1 || kRowTiles % 2 == 0, "a tensor-core tile has 16 rows");
static_assert(kMostRows * kMembers <= kThreads, "a thread looks up a row's adapter");

// What a row's adapter does to a member's outputs.
struct Change {
  const float *columnScale;
  bool adds;
};

// Fills a warp's queue: all stages of its inputs for a set of tiles, then for the next. Warps take neighbouring stages,
// so that a block reads 1 KB of a row at about the same time.
struct Feed {
  const DenseStreamParams &p;
  const u32 slots;
  const int lastTile, lastStage;
  int tile, stage, slot = 0;

  __device__ __forceinline__ bool isEmpty() const { return tile >= lastTile || stage >= lastStage; }

  __device__ __forceinline__ u32 target() const {
    const int row = threadIdx.x % 32 / kPieces, piece = threadIdx.x % kPieces;
    // Neighbouring rows swap their halves, so that no two lanes of a fragment read share a bank.
    return slots + slot * kStageBytes + (row * kPieces + (piece ^ (row & 1) << 2)) * 16;
  }

  __device__ __forceinline__ int input() const { return stage * kStageInputs + threadIdx.x % kPieces * 8; }

  __device__ __forceinline__ void copyWeights() const {
    const int k = input(), first = tile * kTile + threadIdx.x % 32 / kPieces;
    const u16 *source = static_cast<const u16 *>(p.weight) + static_cast<long long>(first) * p.inputs + k;
    const long long stride = static_cast<long long>(kCopiedRows) * p.inputs;
#pragma unroll
    for (int i = 0; i < kCopies * kTiles; ++i) {
      if (tile + i / kCopies < lastTile) {
        copy8(target() + i * 512, source + i * stride, k < p.inputs && first + i * kCopiedRows < p.outputs);
      }
    }
  }

  __device__ __forceinline__ void copyInputs() const {
    const int k = input(), first = threadIdx.x % 32 / kPieces;
    const u16 *source = static_cast<const u16 *>(p.x) + static_cast<long long>(first) * p.inputs + k;
#pragma unroll
    for (int i = 0; i < kCopies * kRowTiles; ++i) {
      copy8(target() + kTiles * kTileBytes + i * 512, source + static_cast<long long>(i * kCopiedRows) * p.inputs,
            k < p.inputs && first + i * kCopiedRows < p.rows);
    }
  }

  __device__ __forceinline__ void advance() {
    slot = slot + 1 == kDepth ? 0 : slot + 1;
    stage += kWarps;
    if (stage < lastStage) return;
    stage = threadIdx.x / 32;
    tile += kTiles;
  }
};

// This thread's outputs of a set of tiles.
struct Output {
  int row, column, index;
  bool exists;

  __device__ __forceinline__ Output(const DenseStreamParams &p, int tile, int lastTile, int number) {
    index = number * kThreads + threadIdx.x;
    row = index / kColumns;
    index %= kColumns;
    column = tile * kTile + index;
    exists = row < p.rows && row < kMostRows && column < p.outputs && tile + index / kTile < lastTile;
  }

  __device__ __forceinline__ int member(const DenseStreamParams &p) const {
    return (column >= p.columns[1]) + (column >= p.columns[2]) + (column >= p.columns[3]);
  }
};

__device__ __forceinline__ void readChanges(const DenseStreamParams &p, Change *changes) {
  const int row = threadIdx.x / kMembers, member = threadIdx.x % kMembers;
  if (row >= kMostRows) return;
  Change change = {nullptr, false};
  const int slot = row < p.rows && member < p.memberCount ? p.rowSlots[row] : -1;
  if (slot >= 0) {
    const LowRankEntry &entry = p.table[static_cast<long long>(slot) * p.entriesPerAdapter + p.firstEntry + member];
    change = {entry.columnScale, entry.rank > 0};
  }
  changes[threadIdx.x] = change;
}

// The products of one stage.
__device__ __forceinline__ void multiplyStage(Tile (&sums)[kTall][kTiles], u32 block) {
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  const u32 own = block + g * kPieces * 16 + (g & 1) * 64 + t * 16;
#pragma unroll
  for (int half = 0; half < kStageInputs / kStep; ++half) {
    const u32 place = own ^ half << 6;
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

extern "C" __global__ void __launch_bounds__(kThreads, 2) punica_dense_stream(
    const __grid_constant__ DenseStreamParams p) {
  extern __shared__ __align__(1024) char memory[];
  __shared__ Change changes[kMostRows * kMembers];
  float *parts = reinterpret_cast<float *>(memory + kWarps * kDepth * kStageBytes);
  const int warp = threadIdx.x / 32;
  const int tiles = ceilDiv(p.outputs, kTile), stages = ceilDiv(p.inputs, kStageInputs);
  const int blocks = gridDim.x, block = blockIdx.x;
  const int firstTile = static_cast<int>(static_cast<long long>(tiles) * block / blocks);
  const int lastTile = static_cast<int>(static_cast<long long>(tiles) * (block + 1) / blocks);
  const u32 slots = sharedAddress(memory) + warp * kDepth * kStageBytes;

  Feed feed = {p, slots, lastTile, stages, firstTile, warp};
  Feed inputs = feed;
#pragma unroll 1
  for (int asked = 0; asked < kDepth; ++asked) {
    if (!feed.isEmpty()) feed.copyWeights();
    feed.advance();
  }
  releaseSuccessor();
  if (p.update) {
    readChanges(p, changes);
    hear(p.ready, reinterpret_cast<const LowRankShare *>(static_cast<const char *>(p.plan) + 64)->tag);
  } else {
    awaitPredecessor();
  }
#pragma unroll 1
  for (int asked = 0; asked < kDepth; ++asked) {
    if (!inputs.isEmpty()) inputs.copyInputs();
    inputs.advance();
    commit();
  }
  __syncthreads();

  int slot = 0;
#pragma unroll 1
  for (int tile = firstTile; tile < lastTile; tile += kTiles) {
    Tile sums[kTall][kTiles] = {};
#pragma unroll 1
    for (int stage = warp; stage < stages; stage += kWarps) {
      awaitGroups<kDepth - 1>();
      __syncwarp();
      multiplyStage(sums, slots + slot * kStageBytes);
      slot = slot + 1 == kDepth ? 0 : slot + 1;
      __syncwarp();
      if (!feed.isEmpty()) {
        feed.copyWeights();
        feed.copyInputs();
      }
      feed.advance();
      commit();
    }
    if (warp >= kWarps - kParts) leaveSums(sums, parts, false);
    float updates[kOutputs] = {};
    if (p.update) {
      awaitPredecessor();
#pragma unroll
      for (int i = 0; i < kOutputs; ++i) {
        const Output at(p, tile, lastTile, i);
        if (at.exists && changes[at.row * kMembers + at.member(p)].adds) {
          updates[i] = p.update[static_cast<long long>(at.row) * p.outputs + at.column];
        }
      }
    }
    __syncthreads();
    if (kParts < kWarps) {
      if (warp < kParts) leaveSums(sums, parts, true);
      __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < kOutputs; ++i) {
      const Output at(p, tile, lastTile, i);
      if (!at.exists) continue;
      float sum = 0;
#pragma unroll
      for (int w = 0; w < kParts; ++w) sum += parts[(w * kMostRows + at.row) * kPitch + at.index];
      if (p.update) {
        const Change &change = changes[at.row * kMembers + at.member(p)];
        if (change.adds) sum = (change.columnScale ? change.columnScale[at.column] : 1.0f) * (sum + updates[i]);
      }
      const long long place = static_cast<long long>(at.row) * p.outputs + at.column;
      if (p.isFloat) static_cast<float *>(p.y)[place] = sum;
      else static_cast<u16 *>(p.y)[place] = narrow(sum);
    }
    __syncthreads();
  }
  // Whoever waits for this kernel thereby waits for those before.
  awaitPredecessor();
}
