// y[rows, columns of m] = columnScale * (y + scale * (x[rows]·Aᵀ)·Bᵀ) for every pair (segment, member m) of a plan, in
// one launch, for steps of up to some hundred rows; where updates run beside their product, without the first y. After
// SGMV (Punica, arXiv 2310.18547), with one kernel for both products.
//
// A block walks its shrink units (8 rows x 16 ranks x one chunk of inputs, each warp 128 of them), then its expand
// units (8 rows x 128, 64 or 32 outputs, each warp its own). Weights go in blocks of up to 4 KB a warp: lanes copy
// asynchronously into a queue in shared memory, across the border of the two products and before the preceding kernel
// has ended, so weights stream without a pause. Sums of v = A·x over a chunk travel between blocks as (f32, tag) words
// and are added in a fixed order that no other row touches; v enters the second product as two 16-bit terms (its 16
// leading bits in bf16), so nothing of it is lost at the precision of y. Sums are f32, y is rounded once.
//
// Beside the shrink of long segments it starts without waiting, and waits in the end (`followsRows`); then their expand
// follows, if it fits into the block's memory.
//
// Blocks wait for each other: the grid must fit on the device at once, and one such launch may be in flight at a time. What
// runs beside it may keep some of its blocks out for a while; so nothing that does may wait for this launch.
// Launch: grid = the plan's `blocks` (made with rowsPerTile 8), LOW_RANK_WARPS * 32 threads, dynamic shared memory
//   warps * (depth * 4096 + 1024) + 4 * 64 + 16 * vectorPitch * 2 (+ 32 * vectorPitch + 32 in fp16)
// vectorPitch = 8 + the largest rank rounded up to 32. Scratch: 8 bytes a word, words = sum over pairs of
// rows (to 8) * rank * chunks.
#include "low_rank_expand.cuh"
#include "low_rank_prefill_expand.cuh"
#include "low_rank_shrink.cuh"

static_assert(kThreads == prefill::kThreads, "long segments' units are shared out over as many warps");

// Takes as many pieces from unit `first` on as v's place holds, for short segments all that a block has; `first` is then
// the unit after them. Zeros are written at once. Returns how many there are.
__device__ __forceinline__ int takePieces(const Work &work, const LowRankPair *&pair, int &first, Piece *pieces) {
  int count = 0, rows = 0;
#pragma unroll 1
  while (first < work.share.expandEnd && count < kRows) {
    pair = work.seek(pair, true, first);
    Piece piece(work, *pair, first);
    if (pair->rank == 0) {
      writeZeros(work.p, piece);
    } else {
      if (rows + piece.rows > kRows) break;
      piece.row = rows;
      if (threadIdx.x == 0) pieces[count] = piece;
      rows += piece.rows;
      ++count;
    }
    first = piece.last;
  }
  return count;
}

extern "C" __global__ void __launch_bounds__(kThreads, LOW_RANK_RESIDENT) punica_low_rank_decode(
    const __grid_constant__ LowRankUpdateParams p) {
  extern __shared__ __align__(1024) char memory[];
  const int warp = threadIdx.x / 32;
  char *cursor = memory + kWarps * kDepth * kBlockBytes;
  float *parts = reinterpret_cast<float *>(cursor);
  cursor += 2 * kWarps * kUnitSums * sizeof(float);
  LowRankPair *near = reinterpret_cast<LowRankPair *>(cursor);
  cursor += 2 * kNear * sizeof(LowRankPair);
  const Vectors vectors = {reinterpret_cast<u16 *>(cursor), p.vectorPitch};
  cursor += 2 * kRows * p.vectorPitch * sizeof(u16);
  float *wide = reinterpret_cast<float *>(cursor), *rowScales = wide + kRows * p.vectorPitch;

  if (!p.followsRows) seeWhatIsThere();
  const PlanParts plan(p.plan, gridDim.x, true);
  __shared__ __align__(16) LowRankShare share;
  constexpr int kShareQuads = sizeof(LowRankShare) / sizeof(int4);
  constexpr int kNearQuads = 2 * kNear * sizeof(LowRankPair) / sizeof(int4);
  static_assert(kShareQuads + kNearQuads <= kThreads);
  if (threadIdx.x < kNearQuads) {
    reinterpret_cast<int4 *>(near)[threadIdx.x] =
        reinterpret_cast<const int4 *>(plan.near + blockIdx.x * 2 * kNear)[threadIdx.x];
  } else if (threadIdx.x < kNearQuads + kShareQuads) {
    const int i = threadIdx.x - kNearQuads;
    reinterpret_cast<int4 *>(&share)[i] = reinterpret_cast<const int4 *>(plan.shares + blockIdx.x)[i];
  }
  const Work work = {p, plan.pairs, near, share};
  __syncthreads();

  Queue queue(work, sharedAddress(memory) + warp * kDepth * kBlockBytes);
#pragma unroll 1
  for (int asked = 0; asked < kDepth; ++asked) {
    if (asked == LOW_RANK_EARLY && p.followsRows) awaitPredecessor();
    queue.fill(work);
  }
  if (LOW_RANK_EARLY >= kDepth && p.followsRows) awaitPredecessor();
  releaseSuccessor();

  shrink(work, queue, parts);

  __shared__ Piece pieces[kRows];
  const Expansion expansion(work, queue, parts);
  const LowRankPair *pair = work.first(true);
#pragma unroll 1
  for (int first = work.share.expandStart; first < work.share.expandEnd;) {
    __syncthreads();
    const int count = takePieces(work, pair, first, pieces);
    __syncthreads();
#pragma unroll 1
    for (int i = 0; i < count; ++i) gather(work, pieces[i], vectors, wide, rowScales);
    __syncthreads();
#pragma unroll 1
    for (int i = 0; i < count; ++i) expansion.run(pieces[i], vectors, rowScales);
  }
  if (p.longPlan) prefill::expand(p, prefill::Plan(p.longPlan), p.longScratch, memory);
  else if (!p.followsRows) awaitPredecessor();
}
