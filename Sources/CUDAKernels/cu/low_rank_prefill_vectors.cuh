// v in the expand of long segments: read from the shrink's scratch, and as the tensor cores take it.
#pragma once

#include "low_rank_prefill.cuh"

namespace low_rank::prefill {

// Chunks of a value of v that are read at a time.
constexpr int kChunksAtOnce = 4;
// Rows of v that a warp takes into shared memory.
constexpr int kOwnRows = kTileRows / kWarps;

// v of 32 rows in shared memory as two 16-bit terms, each as the tensor cores take it: for 16 rows and a step of ranks a
// lane has 16 bytes, 4 ranks of its row and of the eighth row after that.
struct Vectors {
  u16 *memory;
  int steps;

  __device__ __forceinline__ u16 *place(int sixteen, int term, int step) const {
    return memory + ((sixteen * 2 + term) * steps + step) * 256;
  }

  __device__ __forceinline__ void write(unsigned row, unsigned rank, float value) const {
    u16 *own = place(row / 16, 0, rank / kRanks) + (row % 8 * 4 + rank % kRanks / 4) * 8 +
               rank % 4 / 2 * 4 + row % 16 / 8 * 2 + rank % 2;
    const u16 leading = narrow(value);
    own[0] = leading;
    own[steps * 256] = narrow(value - widen(leading));
  }
};

// Sums v's chunks for one tile of rows into two 16-bit terms; a warp has every eighth row, a lane every 32nd rank.
__device__ __forceinline__ void gather(const LowRankUpdateParams &p, const float *scratch, const LowRankPair &pair,
                                       int rowTile, int rows, const Vectors &vectors, float *wide, float *rowScales) {
  const int count = ceilDiv(p.group.inputs, kChunk), size = minimum(pair.rowCount, kTileRows) * pair.rank;
  const int warp = threadIdx.x / 32, ranks = ceilDiv(pair.rank, kStep) * kStep;
  const float *v = scratch + pair.scratchStart + static_cast<long long>(rowTile) * count * size;
#pragma unroll 1
  for (int j = threadIdx.x % 32; j < ranks; j += 32) {
    float sums[kOwnRows] = {};
#pragma unroll 1
    for (int first = 0; first < count; first += kChunksAtOnce) {
      float parts[kOwnRows][kChunksAtOnce];
#pragma unroll
      for (int i = 0; i < kOwnRows; ++i) {
        const int n = warp + i * kWarps;
#pragma unroll
        for (int c = 0; c < kChunksAtOnce; ++c) {
          const bool exists = n < rows && j < pair.rank && first + c < count;
          parts[i][c] = exists ? v[(first + c) * size + n * pair.rank + j] : 0;
        }
      }
#pragma unroll
      for (int i = 0; i < kOwnRows; ++i) {
#pragma unroll
        for (int c = 0; c < kChunksAtOnce; ++c) sums[i] += parts[i][c];
      }
    }
#pragma unroll
    for (int i = 0; i < kOwnRows; ++i) {
#if PUNICA_BF16
      vectors.write(warp + i * kWarps, j, sums[i]);
#else
      wide[(warp + i * kWarps) * p.vectorPitch + j] = sums[i];
#endif
    }
  }
  __syncthreads();
#if !PUNICA_BF16
  for (int n = warp; n < kTileRows; n += kWarps) {
    const float back = writeScaled(ranks, wide + n * p.vectorPitch,
                                   [&](int j, float value) { vectors.write(n, j, value); });
    if (threadIdx.x % 32 == 0) rowScales[n] = back;
  }
  __syncthreads();
#endif
}

}  // namespace low_rank::prefill
