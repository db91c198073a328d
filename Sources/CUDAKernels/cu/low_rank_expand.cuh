// y += B·v, or y = B·v, by the fused low-rank kernel; see low_rank_decode.cu.
//
// The tensor cores' 16 rows are both terms of 8 rows of v, their 8 columns outputs. Which outputs those are is free: of
// 4 products a lane has 8 neighbouring outputs of one row, so it writes 16 bytes.
#pragma once

#include "low_rank_gather.cuh"
#include "low_rank_queue.cuh"

// A lane's part of a piece: every fourth 8 outputs of one row.
struct OutputRow {
  // The first of them in the row tile's first unit.
  u16 *y;
  const float *columnScale;
  float scale;
  // Whether there is such a row; whether 8 of its outputs lie so that they are written at once.
  bool exists, aligned, adds;

  __device__ __forceinline__ OutputRow(const LowRankUpdateParams &p, const Piece &piece, const float *rowScales) {
    const LowRankPair &pair = *piece.pair;
    const int row = threadIdx.x % 32 / 4, across = threadIdx.x % 4 * 8, column = p.group.columns[pair.member];
    const int firstRow = pair.rowStart + piece.rowTile * kRows;
    y = static_cast<u16 *>(p.y) + static_cast<long long>(firstRow + row) * p.yPitch + column + across;
    columnScale = pair.columnScale ? pair.columnScale + across : nullptr;
    scale = pair.scale;
#if !PUNICA_BF16
    scale *= rowScales[piece.row + minimum(row, piece.rows - 1)];
#endif
    exists = row < piece.rows;
    aligned = (p.yPitch | column) % 8 == 0;
    adds = p.adds != 0;
  }

  // Whether its sums are all that is written.
  __device__ __forceinline__ bool isPlain() const { return !adds && !columnScale; }

  // What `storeWhole` adds to.
  __device__ __forceinline__ Quad load(int column) const { return loadWhole(y + column, adds && exists); }

  // Both terms' sums of 8 outputs.
  __device__ __forceinline__ void join(const Tile (&sums)[4], float (&v)[8]) const {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      v[2 * i] = scale * (sums[i].a + sums[i].c);
      v[2 * i + 1] = scale * (sums[i].b + sums[i].d);
    }
  }

  // The outputs from `column` on, where there are 8 that lie well: of a plain row, and of any.
  __device__ __forceinline__ void storePlain(int column, const Tile (&sums)[4]) const {
    float v[8];
    join(sums, v);
    if (exists) storeGlobal(y + column, round8(v));
  }

  __device__ __forceinline__ void storeWhole(int column, const Tile (&sums)[4], Quad old) const {
    float v[8];
    join(sums, v);
    if (exists) storeGlobal(y + column, combine(old, columnScale ? columnScale + column : nullptr, v));
  }

  // The same wherever they lie, as far as there are outputs. `room` is this lane's, for 8 sums. Rare: short in code.
  __device__ __forceinline__ void storeAny(int column, const Tile (&sums)[4], int outputs, float *room) const {
    float v[8];
    join(sums, v);
#pragma unroll
    for (int i = 0; i < 8; ++i) room[i] = v[i];
    const int count = exists ? minimum(outputs - column - static_cast<int>(threadIdx.x) % 4 * 8, 8) : 0;
#pragma unroll 1
    for (int i = 0; i < count; ++i) {
      storeOne(y + column + i, columnScale ? columnScale + column + i : nullptr, adds, room[i]);
    }
  }
};

// Of 32 outputs each, in a unit of the smallest ranks.
constexpr int kUnitParts = 4;

// The expand's view of a warp: where its lanes find weights in a block, and v.
struct Expansion {
  const Work &work;
  Queue &queue;
  float *room;
  // A lane's place in a block, for ranks up to 16 and others. Of products 1 and 3 of the former, 2 and 3 of the latter,
  // it is turned by 64 bytes, as lanes are in the queue.
  u32 packedPlace, rowPlace;

  // `room` is the block's, of 8 floats a thread.
  __device__ __forceinline__ Expansion(const Work &work, Queue &queue, float *room)
      : work(work), queue(queue), room(room + threadIdx.x * 8) {
    const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    packedPlace = (16 * (g / 2) + 2 * (g % 2) + t / 2) * 16 + t % 2 * 8 + g / 2 % 2 * 64;
    rowPlace = (32 * (g / 2) + 4 * (g % 2) + t) * 16;
  }

  // 32 outputs of rank up to 16.
  __device__ __forceinline__ void multiplyPacked(Tile (&sums)[4], u32 block, Quad v) const {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const TwoWords b = loadSharedTwo(block + (packedPlace ^ i % 2 * 64) + i / 2 * 128);
      multiply(sums[i], v.x, v.y, v.z, v.w, b.x, b.y);
    }
  }

  // 32 outputs, 32 ranks.
  __device__ __forceinline__ void multiplyRows(Tile (&sums)[4], u32 block, Quad v, Quad w) const {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const Quad b = loadShared(block + (rowPlace ^ i / 2 * 64) + i * 128);
      multiply(sums[i], v.x, v.y, v.z, v.w, b.x, b.y);
      multiply(sums[i], w.x, w.y, w.z, w.w, b.z, b.w);
    }
  }

  // 32 outputs with all of their ranks, up to kStep.
  template <bool isPacked>
  __device__ __forceinline__ void multiplyAll(Tile (&sums)[4], u32 block, int part, Quad v, Quad w) const {
    if (isPacked) multiplyPacked(sums, block + part * 1024, v);
    else multiplyRows(sums, block + part * 2048, v, w);
  }

  // A block of 128 or 64 outputs with all of their ranks.
  template <bool isPacked>
  __device__ __forceinline__ void multiplyAndStore(const OutputRow &row, int column, bool isWhole, int outputs,
                                                   u32 block, u32 vector) const {
    const Quad v = loadShared(vector), w = isPacked ? v : loadShared(vector + 16);
    constexpr int kOwn = isPacked ? kUnitParts : kUnitParts / 2;
    if (isWhole && row.isPlain()) {
#pragma unroll 2
      for (int i = 0; i < kOwn; ++i) {
        Tile sums[4] = {};
        multiplyAll<isPacked>(sums, block, i, v, w);
        row.storePlain(column + i * 32, sums);
      }
    } else if (isWhole) {
      // What they are added to takes long to come: two at a time.
#pragma unroll 1
      for (int i = 0; i < kOwn; i += 2) {
        const Quad old[2] = {row.load(column + i * 32), row.load(column + i * 32 + 32)};
#pragma unroll
        for (int j = 0; j < 2; ++j) {
          Tile sums[4] = {};
          multiplyAll<isPacked>(sums, block, i + j, v, w);
          row.storeWhole(column + (i + j) * 32, sums, old[j]);
        }
      }
    } else {
#pragma unroll 1
      for (int i = 0; i < kOwn; ++i) {
        Tile sums[4] = {};
        multiplyAll<isPacked>(sums, block, i, v, w);
        row.storeAny(column + i * 32, sums, outputs, room);
      }
    }
  }

  // Adds a block of up to kBlockRanks ranks of 32 outputs.
  __device__ __forceinline__ void add(Tile (&sums)[4], u32 block, u32 vector, int ranks) const {
#pragma unroll
    for (int i = 0; i < kBlockRanks / kStep; ++i) {
      if (i * kStep >= ranks) break;
      const u32 place = vector + i * kStep * 2 * sizeof(u16);
      multiplyRows(sums, block + i * 2048, loadShared(place), loadShared(place + 16));
    }
  }

  // This warp's units of a piece.
  __device__ __forceinline__ void run(const Piece &piece, const Vectors &vectors, const float *rowScales) const {
    const int lane = threadIdx.x % 32, rank = piece.pair->rank, shift = widthShift(rank);
    const bool isPacked = rank <= kPackedRank, isWide = rank > kStep;
    const OutputRow row(work.p, piece, rowScales);
    const int outputs = work.p.group.outputs[piece.pair->member];
    // Rows that do not exist are the last one again; nobody reads what comes of them.
    const int n = piece.row + minimum(lane / 4, piece.rows - 1);
    const u32 vector = sharedAddress(vectors.place(n, lane % 4 * (isPacked ? 4 : 8)));
#pragma unroll 1
    for (int unit = work.firstOfWarp(piece.first); unit < piece.last; unit += kWarps) {
      const int column = (unit - piece.begin) << shift;
      const bool isWhole = row.aligned && column + (1 << shift) <= outputs;
      Tile sums[4] = {};
#pragma unroll 1
      for (int done = 0; done < rank; done += kBlockRanks) {
        const u32 block = queue.takeShared();
        if (isPacked) multiplyAndStore<true>(row, column, isWhole, outputs, block, vector);
        else if (!isWide) multiplyAndStore<false>(row, column, isWhole, outputs, block, vector);
        else add(sums, block, vector + done * 2 * sizeof(u16), rank - done);
        queue.refill(work);
      }
      if (!isWide) continue;
      if (isWhole) row.storeWhole(column, sums, row.load(column));
      else row.storeAny(column, sums, outputs, room);
    }
  }
};

// Zeros for a piece of rank 0. By the whole block.
__device__ __forceinline__ void writeZeros(const LowRankUpdateParams &p, const Piece &piece) {
  const LowRankPair &pair = *piece.pair;
  const int shift = widthShift(0), start = p.group.columns[pair.member];
  const int from = (piece.first - piece.begin) << shift;
  const int to = minimum((piece.last - piece.begin) << shift, p.group.outputs[pair.member]);
  const bool aligned = (p.yPitch | start) % 8 == 0;
  u16 *y = static_cast<u16 *>(p.y) + static_cast<long long>(pair.rowStart + piece.rowTile * kRows) * p.yPitch + start;
#pragma unroll 1
  for (int row = 0; row < piece.rows; ++row, y += p.yPitch) {
#pragma unroll 1
    for (int column = from + threadIdx.x * 8; column < to; column += kThreads * 8) {
      if (aligned && to - column >= 8) {
        storeGlobal(y + column, {0, 0, 0, 0});
      } else {
#pragma unroll 1
        for (int i = column; i < minimum(column + 8, to); ++i) y[i] = 0;
      }
    }
  }
}
