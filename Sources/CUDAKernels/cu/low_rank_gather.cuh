// v of a block's pieces of work, from the parts that blocks have posted, by the fused low-rank kernel; see
// low_rank_decode.cu.
#pragma once

#include "low_rank_outputs.cuh"
#include "low_rank_words.cuh"
#include "low_rank_work.cuh"

constexpr int kWordsAhead = 12;

// The rows of one (pair, row tile) and a block's units of it.
struct Piece {
  const LowRankPair *pair;
  // Units first ..< last are the block's; `begin` is where the row tile's own begin.
  int begin, first, last;
  int rowTile, rows;
  // Its first row among the block's 8 rows of v.
  int row;

  Piece() = default;
  __device__ __forceinline__ Piece(const Work &work, const LowRankPair &at, int unit) : pair(&at), first(unit) {
    const int shift = widthShift(at.rank), tiles = (work.p.group.outputs[at.member] + (1 << shift) - 1) >> shift;
    int tile;
    rowTile = quotient(unit - at.expandStart, tiles, tile);
    begin = unit - tile;
    last = minimum(work.share.expandEnd, begin + tiles);
    rows = minimum(at.rowCount - rowTile * kRows, kRows);
    row = 0;
  }
};

// v of up to 8 rows in shared memory as two 16-bit terms, as the tensor cores take it: 4 neighbouring ranks are 16
// bytes, two leading terms, their rests, and the same again.
struct Vectors {
  u16 *memory;
  int pitch;

  __device__ __forceinline__ u16 *place(int row, int rank) const {
    return memory + 2 * row * pitch + rank / 2 * 4 + rank % 2;
  }

  __device__ __forceinline__ void write(int row, int rank, float value) const {
    u16 *own = place(row, rank);
    const u16 leading = narrow(value);
    own[0] = leading;
    own[2] = narrow(value - widen(leading));
  }
};

// Adds up v of one piece and splits it into terms.
__device__ __forceinline__ void gather(const Work &work, const Piece &piece, const Vectors &vectors, float *wide,
                                       float *rowScales) {
  const LowRankUpdateParams &p = work.p;
  const LowRankPair &pair = *piece.pair;
  const int count = ceilDiv(p.group.inputs, kChunk), rank = pair.rank;
  const int width = minimum(pair.rowCount, kRows), size = rank * width;
  const u64 *words = static_cast<const u64 *>(p.scratch) + pair.scratchStart +
                     static_cast<long long>(piece.rowTile) * count * size;
  const bool isPacked = rank <= kPackedRank;
  const int ranks = isPacked ? kPackedRank : ceilDiv(rank, kStep) * kStep;
  // Short pieces are left to different warps.
  const int thread = (threadIdx.x + kThreads - piece.row * 32 % kThreads) % kThreads;
#pragma unroll 1
  for (int e = thread; e < piece.rows * ranks; e += kThreads) {
    int j = e % kPackedRank;
    const int n = piece.row + (isPacked ? e / kPackedRank : quotient(e, ranks, j));
    const u64 *word = words + j * width + n - piece.row;
    const float sum = j < rank ? addWords<kWordsAhead>(word, count, size, work.share.tag) : 0;
#if PUNICA_BF16
    vectors.write(n, j, sum);
#else
    wide[n * p.vectorPitch + j] = sum;
#endif
  }
#if !PUNICA_BF16
  __syncthreads();
  for (int n = piece.row + threadIdx.x / 32; n < piece.row + piece.rows; n += kWarps) {
    const float back = writeScaled(ranks, wide + n * p.vectorPitch,
                                   [&](int j, float value) { vectors.write(n, j, value); });
    if (threadIdx.x % 32 == 0) rowScales[n] = back;
  }
  __syncthreads();
#endif
}
