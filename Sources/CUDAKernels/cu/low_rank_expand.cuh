// y += B·v, or y = B·v, by the fused low-rank kernel; see low_rank_decode.cu.
#pragma once

#include "low_rank_queue.cuh"

// The rows of one (pair, row tile) and a block's units of it.
struct Piece {
  const LowRankPair *pair;
  // Units first ..< last are the block's; `begin` is where the row tile's own begin.
  int begin, last;
  int rowTile;
  // Which of the block's rows of v are its.
  int row;
};

// Rows of v that a piece's products read: whole passes of 2 or 4.
__device__ __forceinline__ int paddedRows(int rows, int rank) {
  return rank <= kPackedRank ? (rows + 1) / 2 * 2 : (rows + 3) / 4 * 4;
}

// Adds up v of one row tile as soon as its words have arrived, and splits it into 16-bit terms:
// vectors[2 n] the leading term of row n, vectors[2 n + 1] the rest.
__device__ __forceinline__ void gather(const Work &work, const Piece &piece, u16 *vectors, float *wide,
                                       float *rowScales) {
  const LowRankUpdateParams &p = work.p;
  const LowRankPair &pair = *piece.pair;
  const int rowTile = piece.rowTile;
  vectors += 2 * piece.row * p.vectorPitch;
  wide += piece.row * p.vectorPitch;
  rowScales += piece.row;
  const int count = ceilDiv(p.group.inputs, kChunk);
  const int width = minimum(pair.rowCount, kRows), rows = minimum(pair.rowCount - rowTile * kRows, kRows);
  const int size = pair.rank * width;
  const u64 *words = static_cast<const u64 *>(p.scratch) + pair.scratchStart +
                     static_cast<long long>(rowTile) * count * size;
  const bool packed = pair.rank <= kPackedRank;
  const int ranks = packed ? kPackedRank : ceilDiv(pair.rank, kStep) * kStep;
  const int elements = paddedRows(rows, pair.rank) * ranks;
  // Short pieces are left to different warps.
  const int thread = (threadIdx.x + kThreads - piece.row * 32 % kThreads) % kThreads;
#pragma unroll 1
  for (int e = thread; e < elements; e += kThreads) {
    const int n = e / ranks, j = e % ranks;
    float sum = 0;
    if (n < rows && j < pair.rank) {
      const u64 *word = words + j * width + n;
      constexpr int kBatch = 12;
#pragma unroll 1
      for (int base = 0; base < count; base += kBatch) {
        u64 bits[kBatch];
        bool waits = true;
        for (int polls = 0; waits; ++polls) {
          if (polls == LOW_RANK_PATIENCE) asm volatile("trap;");
          waits = false;
#pragma unroll
          for (int i = 0; i < kBatch; ++i) {
            if (base + i < count) bits[i] = peek(word + (base + i) * size);
          }
#pragma unroll
          for (int i = 0; i < kBatch; ++i) {
            if (base + i < count) waits |= static_cast<u32>(bits[i] >> 32) != work.share.tag;
          }
        }
#pragma unroll
        for (int i = 0; i < kBatch; ++i) {
          if (base + i < count) sum += __uint_as_float(static_cast<u32>(bits[i]));
        }
      }
    }
#if PUNICA_BF16
    writeTerms(vectors, p.vectorPitch, n, j, sum);
#else
    wide[n * p.vectorPitch + j] = sum;
#endif
  }
#if !PUNICA_BF16
  __syncthreads();
  for (int n = threadIdx.x / 32; n < elements / ranks; n += kWarps) {
    const float back = writeScaledTerms(vectors, p.vectorPitch, n, ranks, wide + n * p.vectorPitch);
    if (threadIdx.x % 32 == 0) rowScales[n] = back;
  }
  __syncthreads();
#endif
}

// A warp's view of a piece.
struct Rows {
  const Work &work;
  const LowRankPair *pair;
  int begin, row, firstRow, rows, outputs, width, column;
  bool packed, aligned;

  __device__ __forceinline__ Rows(const Work &work, const Piece *piece)
      : work(work), pair(piece->pair), begin(piece->begin), row(piece->row) {
    const LowRankPair &pair = *piece->pair;
    firstRow = piece->rowTile * kRows;
    rows = minimum(pair.rowCount - firstRow, kRows);
    firstRow += pair.rowStart;
    outputs = work.p.group.outputs[pair.member];
    column = work.p.group.columns[pair.member];
    width = unitWidth(pair.rank);
    packed = pair.rank <= kPackedRank;
    aligned = (work.p.yPitch | column) % 8 == 0;
  }

  __device__ __forceinline__ int passes() const { return packed ? (rows + 1) / 2 : (rows + 3) / 4; }

  // This lane's 8 outputs of a pass: 2 rows of 128 or 4 rows of up to 64.
  __device__ __forceinline__ Outputs place(int unit, int pass) const {
    const int lane = threadIdx.x % 32, lanes = packed ? 16 : 8, across = lane % lanes * 8;
    const int row = pass * (packed ? 2 : 4) + lane / lanes;
    Outputs at;
    at.column = (unit - begin) * width + across;
    at.count = row < rows && across < width ? minimum(outputs - at.column, 8) : 0;
    at.y = static_cast<u16 *>(work.p.y) + static_cast<long long>(firstRow + row) * work.p.yPitch + column + at.column;
    at.aligned = aligned;
    at.adds = work.p.adds;
    return at;
  }
};

__device__ __forceinline__ void expandUnit(const Rows &rows, int unit, Queue &queue, Quad &y, const u16 *vectors,
                                           const float *rowScales, float *tile) {
  const LowRankUpdateParams &p = rows.work.p;
  const LowRankPair &pair = *rows.pair;
  vectors += 2 * rows.row * p.vectorPitch;
  rowScales += rows.row;
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  const bool packed = rows.packed, narrow = pair.rank <= kStep;
  const int passes = rows.passes();
  const u32 vector = sharedAddress(packed ? vectors + (2 * (g / 4) + g % 2) * p.vectorPitch + t % 2 * 8
                                          : vectors + g * p.vectorPitch + t * 8);
  const bool mine = !packed || t / 2 == g / 2 % 2;
  const u32 passPitch = (packed ? 4 : 8) * p.vectorPitch * sizeof(u16);
  const int steps = unitSteps(pair.rank);
  u32 block = queue.take();
  Tile tall[2] = {};
  if (!narrow) {
#pragma unroll 1
    for (int base = 0;;) {
#pragma unroll 1
      for (int i = 0; i < kSteps && base + i < steps; ++i) {
        const u32 column = vector + (base + i) * kStep * sizeof(u16);
        const Quad low = loadShared(block + i * 1024), high = loadShared(block + i * 1024 + 512);
        multiplyStep(tall[0], low, high, loadShared(column));
        if (passes > 1) multiplyStep(tall[1], low, high, loadShared(column + passPitch));
      }
      base += kSteps;
      if (base >= steps) break;
      queue.fill(rows.work);
      block = queue.take();
    }
  }
  float *target = packed ? tile + t / 2 * kPackedPitch + 2 * g + t % 2 : tile + t * kWidePitch + g;
  const int half = packed ? 16 : 8;
  const float *source = packed ? tile + lane / 16 * kPackedPitch + lane % 16 * 8
                               : tile + lane / 8 * kWidePitch + lane % 8 * 8;
#pragma unroll 1
  for (int pass = 0; pass < passes; ++pass) {
    // y of the pass after this one is on its way while this one is worked on.
    Quad nextY = {0, 0, 0, 0};
    if (pass + 1 < passes) nextY = rows.place(unit, pass + 1).load();
    if (narrow) {
      Quad column = {0, 0, 0, 0};
      if (mine) column = loadShared(vector + pass * passPitch);
#pragma unroll
      for (int i = 0; i < kSteps; ++i) {
        Tile sums = {};
        multiplyStep(sums, loadShared(block + i * 1024), loadShared(block + i * 1024 + 512), column);
        target[i * 2 * half] = sums.a + sums.b;
        target[i * 2 * half + half] = sums.c + sums.d;
      }
    } else {
      target[0] = pass == 0 ? tall[0].a + tall[0].b : tall[1].a + tall[1].b;
      target[half] = pass == 0 ? tall[0].c + tall[0].d : tall[1].c + tall[1].d;
    }
    __syncwarp();
    float scale = pair.scale;
#if !PUNICA_BF16
    scale *= rowScales[minimum(pass * (packed ? 2 : 4) + lane / (packed ? 16 : 8), rows.rows - 1)];
#endif
    store(pair, rows.place(unit, pass), y, source, scale);
    __syncwarp();
    if (pass + 1 < passes) y = nextY;
  }
  queue.fill(rows.work);
}
