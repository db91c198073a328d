// The second half of a row's low-rank update in a dense product: each block expands its columns of W, set by set. A warp
// has the rows whose number it has (modulo the warps), a lane has a column.
#pragma once

#include "dense_shrink.cuh"

namespace dense {

// Pieces of B, for every column of a set, that are on their way at a time.
constexpr int kBatch = 4;

// A piece's row, as the j-th of its warp's, and which of the row's it is.
struct Piece {
  int owner, number;
};

// Up to kBatch pieces of a warp's rows in one set, a row's side by side, and their weights for this lane's column.
struct PieceBatch {
  int set, base;
  Column column;
  // Of piece `lane % kBatch`.
  Piece piece;
  Quad weights[kBatch];
};

// A·B's second product of a block, by one of its warps.
struct Expansion {
  const DenseStreamParams &p;
  Updates &updates;
  const Sets &sets;
  const int warp, lane;
  const u32 tag;
  // Where the pieces of each of this warp's rows end: as many as the largest rank among its members needs.
  int ends[kRowTiles];
  // The members whose A·x is at hand, for all of a set's pieces.
  int keptFirst = -1, keptLast = -1;

  __device__ __forceinline__ Expansion(const DenseStreamParams &p, Updates &updates, const Sets &sets, int thread,
                                       u32 tag)
      : p(p), updates(updates), sets(sets), warp(thread / 32), lane(thread % 32), tag(tag) {
    int end = 0;
#pragma unroll
    for (int j = 0; j < kRowTiles; ++j) {
      int rank = 0;
#pragma unroll
      for (int member = 0; member < kMembers; ++member) rank = maximum(rank, entry(j, member).rank);
      ends[j] = end += ceilDiv(rank, kPieceRanks);
    }
  }

  // The j-th of this warp's rows.
  __device__ __forceinline__ int row(int j) const { return warp + kUpdateWarps * j; }
  __device__ __forceinline__ const LowRankEntry &entry(int j, int member) const {
    return updates.entries[row(j) * kMembers + member];
  }

  // All pieces of a set, and how many of them a batch has.
  __device__ __forceinline__ int total() const { return ends[kRowTiles - 1]; }
  __device__ __forceinline__ int count(const PieceBatch &batch) const { return minimum(total() - batch.base, kBatch); }
  __device__ __forceinline__ bool isLast(const PieceBatch &batch) const { return batch.base + kBatch >= total(); }

  // Asks for a batch of a set, from piece `base` on.
  __device__ __forceinline__ PieceBatch fetch(int set, int base) const {
    PieceBatch batch = {set, base, Column(p, sets.begin(set), sets.end(set), lane), find(base + lane % kBatch)};
#pragma unroll
    for (int i = 0; i < kBatch; ++i) {
      const int j = __shfl_sync(~0u, batch.piece.owner, i);
      const int first = __shfl_sync(~0u, batch.piece.number, i) * kPieceRanks;
      batch.weights[i] = {0, 0, 0, 0};
      if (i >= count(batch) || !batch.column.exists) continue;
      const LowRankEntry &own = entry(j, batch.column.member);
      const u16 *b = static_cast<const u16 *>(own.b) + static_cast<long long>(batch.column.place) * own.rank + first;
      if (own.rank % kPieceRanks == 0) {
        if (first < own.rank) batch.weights[i] = loadGlobal(b);
      } else {
        batch.weights[i] = loadFew(b, own.rank - first);
      }
    }
    return batch;
  }

  // Any piece of a set, by its place among them.
  __device__ __forceinline__ Piece find(int place) const {
    Piece piece = {0, place};
#pragma unroll
    for (int j = 0; j < kRowTiles; ++j) {
      if (ends[j] <= place) piece = {j + 1, place - ends[j]};
    }
    return piece;
  }

  // A·x for so many pieces of the members' rows, a member's `pitch` behind the one before.
  __device__ __forceinline__ void gather(int firstMember, int lastMember, int pitch, int base, int count) {
    __syncwarp();
#pragma unroll 1
    for (int i = lane; i < count * kPieceRanks; i += 32) {
      const Piece piece = find(base + i / kPieceRanks);
      const int j = piece.owner, rank = piece.number * kPieceRanks + i % kPieceRanks;
#pragma unroll 1
      for (int m = firstMember; m <= lastMember; ++m) {
        const bool exists = rank < entry(j, m).rank;
        updates.vectors[warp][(m - firstMember) * pitch + i] =
            exists ? addWords(p, wordsOf(p, 0, m, row(j)) + rank, tag) : 0;
      }
    }
    __syncwarp();
  }

  // Sees to it that A·x is at hand for a batch. Returns where that of its first piece lies for this lane's member.
  __device__ __forceinline__ const float *bring(const PieceBatch &batch) {
    const int columns = (sets.end(batch.set) - sets.begin(batch.set)) * kTile;
    const int firstMember = __shfl_sync(~0u, batch.column.member, 0);
    const int lastMember = __shfl_sync(~0u, batch.column.member, columns - 1);
    const int room = kRoom / (lastMember - firstMember + 1), pitch = room * kPieceRanks;
    const bool fits = total() <= room;
    if (!fits || firstMember != keptFirst || lastMember != keptLast) {
      gather(firstMember, lastMember, pitch, fits ? 0 : batch.base, fits ? total() : count(batch));
      keptFirst = fits ? firstMember : -1;
      keptLast = lastMember;
    }
    return updates.vectors[warp] + (batch.column.member - firstMember) * pitch + (fits ? batch.base * kPieceRanks : 0);
  }

  // Adds a batch's pieces to the changes of their rows.
  __device__ __forceinline__ void use(const PieceBatch &batch) {
    const float *vector = bring(batch);
#pragma unroll
    for (int i = 0; i < kBatch; ++i) {
      const int j = __shfl_sync(~0u, batch.piece.owner, i), number = __shfl_sync(~0u, batch.piece.number, i);
      if (i >= count(batch) || !batch.column.exists) continue;
      float *change = &updates.changes[row(j)][lane];
      const float sum = dot(batch.weights[i], vector + i * kPieceRanks);
      *change = entry(j, batch.column.member).scale * sum + (number > 0 ? *change : 0.0f);
    }
  }

  __device__ __forceinline__ static float dot(Quad b, const float *vector) {
    const float4 low = reinterpret_cast<const float4 *>(vector)[0], high = reinterpret_cast<const float4 *>(vector)[1];
    const float2 two[4] = {widenTwo(b.x), widenTwo(b.y), widenTwo(b.z), widenTwo(b.w)};
    return two[0].x * low.x + two[0].y * low.y + two[1].x * low.z + two[1].y * low.w + two[2].x * high.x +
           two[2].y * high.y + two[3].x * high.z + two[3].y * high.w;
  }
};

}  // namespace dense
