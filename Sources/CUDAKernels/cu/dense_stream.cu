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
// Blocks of a launch with updates wait for each other: all of them must fit on the device at once, and such launches
// follow each other in one stream.
// Constants: PUNICA_BF16, DENSE_UPDATES (whether rows may have adapters), DENSE_TILES, DENSE_ROW_TILES (1, 2, 4: up to
// 8, 16, 32 rows), DENSE_DEPTH (stages on their way). Launch: one block a multiprocessor, 256 threads, with updates 512,
// dynamic shared memory
//   8 * DENSE_DEPTH * (DENSE_TILES + DENSE_ROW_TILES) * 1024 + parts * DENSE_ROW_TILES * 8 * pitch * 4
// parts = 8, for 32 rows 4; pitch = 8 * DENSE_TILES, for two tiles 24. K is a multiple of 8, N of 8 if gated; addresses are
// multiples of 16.
#include "dense_expand.cuh"
#include "dense_sums.cuh"

using namespace dense;

// The work of the warps that stream; a `Sink` takes the sums of each set.
template <class Sink>
__device__ __forceinline__ void stream(const DenseStreamParams &p, const Sets &sets, char *memory, float *parts,
                                       float *factors) {
  Feed feed(p, sets, sharedAddress(memory) + threadIdx.x / 32 * kDepth * kStageBytes);
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
  Sink sink(p, sets, parts, factors);
#pragma unroll 1
  for (int set = 0; set < sets.count(); ++set) {
    sink.begin(set);
    Tile sums[kTall][kTiles] = {};
#pragma unroll 1
    for (int left = feed.stageCount(); left > 0; --left) {
      multiplyStage(sums, feed.take());
      feed.refill();
    }
    sink.end(set, sums);
  }
  sink.close();
}

// Changes a set's sums, for the rows of one of the warps that update.
__device__ __forceinline__ void addChanges(const Column &column, const Updates &updates, float (&sums)[kRowTiles]) {
  const int warp = threadIdx.x / 32 - kWarps, lane = threadIdx.x % 32;
#pragma unroll
  for (int j = 0; j < kRowTiles; ++j) {
    const int row = warp + kWarps * j;
    if (!column.exists) continue;
    const LowRankEntry &own = updates.entries[row * kMembers + column.member];
    if (own.rank == 0) continue;
    sums[j] += updates.changes[row][lane];
    if (own.columnScale) sums[j] *= own.columnScale[column.place];
  }
}

// The work of the warps beside them. Weights for the batch after the present one are on their way while this one is
// used, and those of the first while A·x is made: what a launch does is in the code once.
__device__ __forceinline__ void update(const DenseStreamParams &p, const Sets &sets, Updates &updates,
                                       const float *parts, float *factors) {
  const int thread = threadIdx.x - kThreads, warp = thread / 32, lane = thread % 32, count = sets.count();
  const u32 tag = p.plan->tag;
  const int units = lookUp(*p.plan, updates, thread);
  Epilogue epilogue(p, warp);
  EpilogueInputs others;
  Expansion expansion(p, updates, sets, thread, tag);
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
      Squares(p, warp).leaveFactors(factors);
      others = EpilogueInputs(p, Column(p, sets.begin(0), sets.end(0), lane), warp);
    } else {
      expansion.use(batch);
      if (expansion.isLast(batch)) {
        float sums[kRowTiles];
        __syncwarp();
        meet<kPassing>(kFull);
        addParts(parts, warp, sums);
        if (batch.set + 1 < count) arrive<kPassing>(kEmpty);
        addChanges(batch.column, updates, sums);
        store(epilogue, batch.column, others, factors, sums);
        if (batch.set + 1 < count) others = EpilogueInputs(p, next.column, warp);
      }
    }
    batch = next;
  } while (batch.set < count);
  epilogue.finish();
}

extern "C" __global__ void __launch_bounds__(DENSE_UPDATES ? kThreads + kUpdateThreads : kThreads, 1)
    punica_dense_stream(const __grid_constant__ DenseStreamParams p) {
  extern __shared__ __align__(1024) char memory[];
  __shared__ float factors[kMostRows];
  float *parts = reinterpret_cast<float *>(memory + kWarps * kDepth * kStageBytes);
  const Sets sets(p);
#if DENSE_UPDATES
  static_assert(sizeof(Updates) + sizeof(factors) <= kMostRows * kRowBytes + kUpdateBytes, "the host counts with so much");
  __shared__ Updates updates;
  if (threadIdx.x < kThreads) stream<Passing>(p, sets, memory, parts, factors);
  else update(p, sets, updates, parts, factors);
#else
  stream<Storing>(p, sets, memory, parts, factors);
#endif
}
