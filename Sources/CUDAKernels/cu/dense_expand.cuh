// The second half of a row's low-rank update in a dense product: each block expands its columns of W, set by set. A warp
// has the rows whose number it has (modulo the warps), lanes are columns.
#pragma once

#include "dense_shrink.cuh"

namespace dense {

// Lanes are a set's columns, so many times.
constexpr int kColumns = kTiles * kTile;
constexpr int kPasses = (kColumns + 31) / 32;
// Pieces of B, for every column of a set, that are on their way at a time.
constexpr int kBatch = 4;

// A piece's row, as the j-th of its warp's, and which of the row's it is.
struct Piece {
  int owner, number;
};

// Up to kBatch pieces of a warp's rows in one set, a row's side by side, and their weights.
struct PieceBatch {
  int firstTile, lastTile, base, total;
  // The members that the set's columns have.
  int firstMember, lastMember;
  // This lane's.
  Piece piece;
  Quad weights[kBatch][kPasses];

  __device__ __forceinline__ int count() const { return minimum(total - base, kBatch); }
  __device__ __forceinline__ int members() const { return lastMember - firstMember + 1; }
  // Whether its set has no more.
  __device__ __forceinline__ bool isLast() const { return base + kBatch >= total; }
};

// The second product of a block, by one of its warps.
struct Expansion {
  const DenseStreamParams &p;
  Updates &updates;
  const Sets &sets;
  const int warp, lane;
  const u32 tag;
  // Where the changes of a set are left.
  float (*const changes)[kColumns];
  // What has been added up of the present row, for this lane's columns.
  int present = -1;
  float sums[kPasses] = {};
  // The members whose A·x is at hand, for all of a set's pieces.
  int keptFirst = -1, keptLast = -1;

  __device__ __forceinline__ Expansion(const DenseStreamParams &p, Updates &updates, const Sets &sets, int thread,
                                       u32 tag, float (*changes)[kColumns])
      : p(p), updates(updates), sets(sets), warp(thread / 32), lane(thread % 32), tag(tag), changes(changes) {}

  // The j-th of this warp's rows.
  __device__ __forceinline__ int row(int j) const { return warp + kUpdateWarps * j; }
  __device__ __forceinline__ const LowRankEntry &entry(int j, int member) const {
    return updates.entries[row(j) * kMembers + member];
  }

  // Asks for a batch of a set, from piece `base` on.
  __device__ __forceinline__ PieceBatch fetch(int set, int base) const {
    PieceBatch batch;
    batch.firstTile = sets.begin(set);
    batch.lastTile = sets.end(set);
    batch.base = base;
    batch.firstMember = p.isGated ? 0 : Column(p, batch.firstTile, batch.lastTile, 0).member;
    const int columns = (batch.lastTile - batch.firstTile) * kTile;
    batch.lastMember = p.isGated ? 1 : Column(p, batch.firstTile, batch.lastTile, columns - 1).member;
    batch.total = 0;
#pragma unroll
    for (int j = 0; j < kRowTiles; ++j) batch.total += pieces(batch, j);
    batch.piece = find(batch, base + lane % kBatch);
#pragma unroll
    for (int i = 0; i < kBatch; ++i) {
      const int j = __shfl_sync(~0u, batch.piece.owner, i);
      const int first = __shfl_sync(~0u, batch.piece.number, i) * kPieceRanks;
#pragma unroll
      for (int pass = 0; pass < kPasses; ++pass) {
        batch.weights[i][pass] = {0, 0, 0, 0};
        if (i >= batch.count()) continue;
        const Column column(p, batch.firstTile, batch.lastTile, lane + 32 * pass);
        const LowRankEntry &own = entry(j, column.member);
        const u16 *b = static_cast<const u16 *>(own.b) + static_cast<long long>(column.place) * own.rank + first;
        batch.weights[i][pass] = load8(b, column.exists ? own.rank - first : 0, own.rank % 8 == 0);
      }
    }
    return batch;
  }

  __device__ __forceinline__ int pieces(const PieceBatch &batch, int j) const {
    int rank = 0;
    for (int m = batch.firstMember; m <= batch.lastMember; ++m) rank = maximum(rank, entry(j, m).rank);
    return ceilDiv(rank, kPieceRanks);
  }

  // Any piece of a batch's set, by its place among them.
  __device__ __forceinline__ Piece find(const PieceBatch &batch, int place) const {
    Piece piece = {0, place};
    int end = 0;
#pragma unroll
    for (int j = 0; j < kRowTiles; ++j) {
      end += pieces(batch, j);
      if (end <= place) piece = {j + 1, place - end};
    }
    return piece;
  }

  // Where a member's part of A·x begins.
  __device__ __forceinline__ int place(const PieceBatch &batch, int member) const {
    return kRoom / batch.members() * (member - batch.firstMember) * kPieceRanks;
  }

  // A·x for so many pieces of a batch's set.
  __device__ __forceinline__ void gather(const PieceBatch &batch, int base, int count) {
    __syncwarp();
#pragma unroll 1
    for (int i = lane; i < count * kPieceRanks; i += 32) {
      const Piece piece = find(batch, base + i / kPieceRanks);
      const int j = piece.owner, rank = piece.number * kPieceRanks + i % kPieceRanks;
      for (int m = batch.firstMember; m <= batch.lastMember; ++m) {
        const bool exists = rank < entry(j, m).rank;
        updates.vectors[warp][place(batch, m) + i] = exists ? addWords(p, wordsOf(p, 0, m, row(j)) + rank, tag) : 0;
      }
    }
    __syncwarp();
  }

  // Sees to it that A·x is at hand for a batch. Returns where that of its first piece lies.
  __device__ __forceinline__ int bring(const PieceBatch &batch) {
    if (batch.total > kRoom / batch.members()) {
      gather(batch, batch.base, batch.count());
      keptFirst = -1;
      return 0;
    }
    if (batch.firstMember != keptFirst || batch.lastMember != keptLast) gather(batch, 0, batch.total);
    keptFirst = batch.firstMember;
    keptLast = batch.lastMember;
    return batch.base * kPieceRanks;
  }

  __device__ __forceinline__ void use(const PieceBatch &batch) {
    const int first = bring(batch);
#pragma unroll
    for (int i = 0; i < kBatch; ++i) {
      const int j = __shfl_sync(~0u, batch.piece.owner, i);
      if (i >= batch.count()) continue;
      if (j != present) turnTo(j, batch);
#pragma unroll
      for (int pass = 0; pass < kPasses; ++pass) {
        const int member = Column(p, batch.firstTile, batch.lastTile, lane + 32 * pass).member;
        sums[pass] += dot(batch.weights[i][pass],
                          updates.vectors[warp] + place(batch, member) + first + i * kPieceRanks);
      }
    }
    if (batch.isLast()) turnTo(-1, batch);
  }

  // Leaves the present row's changes and begins another's.
  __device__ __forceinline__ void turnTo(int j, const PieceBatch &batch) {
#pragma unroll
    for (int pass = 0; pass < kPasses; ++pass) {
      const int index = lane + 32 * pass;
      const Column column(p, batch.firstTile, batch.lastTile, index);
      if (present >= 0 && column.exists) {
        changes[row(present)][index] = entry(present, column.member).scale * sums[pass];
      }
      sums[pass] = 0;
    }
    present = j;
  }

  __device__ __forceinline__ static float dot(Quad b, const float *vector) {
    const float4 low = reinterpret_cast<const float4 *>(vector)[0], high = reinterpret_cast<const float4 *>(vector)[1];
    const float2 two[4] = {widenTwo(b.x), widenTwo(b.y), widenTwo(b.z), widenTwo(b.w)};
    return two[0].x * low.x + two[0].y * low.y + two[1].x * low.z + two[1].y * low.w + two[2].x * high.x +
           two[2].y * high.y + two[3].x * high.z + two[3].y * high.w;
  }
};

}  // namespace dense
