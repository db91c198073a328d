// y[rows, columns of m] = columnScale * (y + scale * (x[rows]·Aᵀ)·Bᵀ) for every pair (segment, member m) of a plan, in
// one launch, for steps of up to some hundred rows; where updates come before their product, without the first y. After
// SGMV (Punica, arXiv 2310.18547), with one kernel for both products.
//
// A block walks its shrink units (8 rows x 16 ranks x one chunk of inputs, each warp 128 of them), then its expand units
// (8 rows x 128, 64 or 16 outputs, each warp its own). Weights go in blocks of up to 4 KB a warp: lanes copy
// asynchronously into their own slots of a queue in shared memory, across the border of the two products and before the
// preceding kernel has ended, so weights stream without a pause. Weights are the tensor cores' 16 rows, activations
// their 8 columns. Sums of v = A·x over a chunk travel between blocks as (f32, tag) words and are added in a fixed order
// that no other row touches; v enters the second product as two 16-bit terms (its 16 leading bits in bf16), so nothing
// of it is lost at the precision of y. Sums are f32, y is rounded once.
//
// Beside the shrink of long segments it starts without waiting, and waits in the end (`followsRows`).
//
// Blocks wait for each other: the grid must fit on the device at once, and one such launch may be in flight at a time.
// Launch: grid = the plan's `blocks` (made with rowsPerTile 8), LOW_RANK_WARPS * 32 threads, dynamic shared memory
//   warps * (depth * 4096 + 1152) + 64 * 64 + 16 * vectorPitch * 2 (+ 32 * vectorPitch + 32 in fp16)
// vectorPitch = 8 + the largest rank rounded up to 32. Scratch: 8 bytes a word, words = sum over pairs of
// rows (to 8) * rank * chunks.
#include "low_rank_expand.cuh"
#include "low_rank_shrink.cuh"

extern "C" __global__ void __launch_bounds__(kThreads, LOW_RANK_RESIDENT) punica_low_rank_decode(
    const __grid_constant__ LowRankUpdateParams p) {
  extern __shared__ __align__(1024) char memory[];
  const int warp = threadIdx.x / 32;
  char *cursor = memory + kWarps * kDepth * kBlockBytes;
  float *parts = reinterpret_cast<float *>(cursor), *tile = parts + warp * kTileFloats;
  cursor += kWarps * kTileFloats * sizeof(float);
  LowRankPair *near = reinterpret_cast<LowRankPair *>(cursor);
  cursor += kCachedPairs * sizeof(LowRankPair);
  u16 *vectors = reinterpret_cast<u16 *>(cursor);
  cursor += 2 * kRows * p.vectorPitch * sizeof(u16);
  float *wide = reinterpret_cast<float *>(cursor), *rowScales = wide + kRows * p.vectorPitch;

  if (!p.followsRows) seeWhatIsThere();
  const char *plan = static_cast<const char *>(p.plan);
  const char *pairs = plan + 64 + (gridDim.x + 1) / 2 * 64;
  for (int i = threadIdx.x; i < kCachedPairs * 4; i += kThreads) {
    reinterpret_cast<int4 *>(near)[i] = reinterpret_cast<const int4 *>(pairs)[i];
  }
  __shared__ LowRankShare share;
  if (threadIdx.x < sizeof(LowRankShare) / 4) {
    reinterpret_cast<u32 *>(&share)[threadIdx.x] =
        reinterpret_cast<const u32 *>(plan + 64 + blockIdx.x * sizeof(LowRankShare))[threadIdx.x];
  }
  const Work work = {p, near, reinterpret_cast<const LowRankPair *>(pairs), share};
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

  // As many pieces at a time as v's place holds: for short segments, all that a block has.
  __shared__ Piece pieces[kRows];
  int index = work.share.expandPair;
  int unit = work.share.expandStart + warp;
#pragma unroll 1
  for (int first = work.share.expandStart; first < work.share.expandEnd;) {
    __syncthreads();
    int count = 0, taken = 0;
#pragma unroll 1
    while (first < work.share.expandEnd && count < kRows) {
      while (first >= work.pair(index).expandEnd) ++index;
      const LowRankPair &pair = work.pair(index);
      const int tiles = ceilDiv(p.group.outputs[pair.member], unitWidth(pair.rank));
      const int rowTile = static_cast<unsigned>(first - pair.expandStart) / tiles;
      const int begin = pair.expandStart + rowTile * tiles;
      const int padded = paddedRows(minimum(pair.rowCount - rowTile * kRows, kRows), pair.rank);
      if (taken + padded > kRows) break;
      const int last = minimum(work.share.expandEnd, begin + tiles);
      if (threadIdx.x == 0) pieces[count] = {&pair, begin, last, rowTile, taken};
      taken += padded;
      ++count;
      first = last;
    }
    __syncthreads();
    const Piece *piece = pieces, *const end = pieces + count;
    while (piece < end && unit >= piece->last) ++piece;
    Quad y = {0, 0, 0, 0};
    if (piece < end) y = Rows(work, piece).place(unit, 0).load();
#pragma unroll 1
    for (const Piece *each = pieces; each < end; ++each) gather(work, *each, vectors, wide, rowScales);
    __syncthreads();
#pragma unroll 1
    while (piece < end) {
      const Rows rows(work, piece);
      // y of the next unit is on its way while this one is worked on.
      Quad nextY = {0, 0, 0, 0};
      const int nextUnit = unit + kWarps;
      while (piece < end && nextUnit >= piece->last) ++piece;
      if (piece < end) nextY = Rows(work, piece).place(nextUnit, 0).load();
      expandUnit(rows, unit, queue, y, vectors, rowScales, tile);
      y = nextY;
      unit = nextUnit;
    }
  }
  if (!p.followsRows) awaitPredecessor();
}
