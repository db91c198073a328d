// The expand of long segments: y = columnScale * (y + scale * (sum of v)·Bᵀ), of what low_rank_prefill_shrink.cu has
// left; where updates run beside their product, without the first y.
//
// A unit is 32 rows x 32 outputs of one warp. A block takes v of 32 rows into shared memory as two 16-bit terms, its
// warps walk the outputs; v is the tensor cores' 16 rows, weights their 8 columns. The first weights are asked for before
// the predecessor has ended. Sums are f32, in a fixed order; y is rounded once.
#pragma once

#include "low_rank_prefill_outputs.cuh"

namespace low_rank::prefill {

// A lane's weights of successive units and steps of one row tile, read one ahead.
//
// Output n of tile j stands for column n / 2 * 8 + 2 j + n % 2 of a unit, so that a lane's sums of a row are 8 neighbours.
struct WeightReader {
  const u16 *source;
  int rank, k, left, steps, step = 0;

  // From `column`, the first of the warp's first unit, on; `outputs` columns in all.
  __device__ WeightReader(const LowRankPair &pair, int outputs, int column) {
    const int lane = threadIdx.x % 32, own = lane / 4 / 2 * 8 + lane / 4 % 2;
    rank = pair.rank;
    steps = tileSteps(rank);
    k = lane % 4 * 4;
    left = outputs - column - own;
    source = static_cast<const u16 *>(pair.b) + static_cast<long long>(column + own) * rank + k;
  }

  __device__ __forceinline__ Weights read() {
    Weights weights;
    const int columns = k < rank ? left : 0;
    if (rank % 4 == 0) {
#pragma unroll
      for (int j = 0; j < kGroups; ++j) {
        weights.of[j] = 2 * j < columns ? loadFour(source + 2 * j * rank) : Four{0, 0};
      }
    } else {
#pragma unroll
      for (int j = 0; j < kGroups; ++j) {
        const Quad q = loadFew(source + 2 * j * rank, 2 * j < columns ? minimum(rank - k, 4) : 0);
        weights.of[j] = {q.x, q.y};
      }
    }
    if (++step < steps) {
      source += kRanks;
      k += kRanks;
    } else {
      source += kWarps * kTileWidth * rank - (step - 1) * kRanks;
      k -= (step - 1) * kRanks;
      left -= kWarps * kTileWidth;
      step = 0;
    }
    return weights;
  }
};

// A block's share of a plan, whose shrink is the predecessor or before it. `scratch` is what that has left; `memory` is
// shared, 64 * vectorPitch * 2 bytes (+ 32 * vectorPitch * 4 + 128 in fp16), with vectorPitch at least the largest rank,
// rounded up to 32.
__device__ __forceinline__ void expand(const LowRankUpdateParams &p, const Plan &plan, const void *scratch,
                                       char *memory) {
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  float *wide = reinterpret_cast<float *>(memory + 2 * kTileRows * p.vectorPitch * sizeof(u16));
  float *rowScales = wide + kTileRows * p.vectorPitch;
  const LowRankShare share = plan.share();
  if (share.expandStart == share.expandEnd) return awaitPredecessor();
  int index = share.expandPair;
#pragma unroll 1
  for (int first = share.expandStart; first < share.expandEnd;) {
    while (first >= plan.pairs[index].expandEnd) ++index;
    const LowRankPair pair = plan.pairs[index];
    const int outputs = p.group.outputs[pair.member], tiles = ceilDiv(outputs, kTileWidth);
    const int rowTile = (first - pair.expandStart) / tiles, begin = pair.expandStart + rowTile * tiles;
    const int last = minimum(share.expandEnd, begin + tiles), column = (first + warp - begin) * kTileWidth;
    const int rows = minimum(pair.rowCount - rowTile * kTileRows, kTileRows), steps = tileSteps(pair.rank);

    WeightReader reader(pair, outputs, column);
    Weights next = reader.read();
    if (first == share.expandStart) awaitPredecessor();
    __syncthreads();
    const Vectors vectors = {reinterpret_cast<u16 *>(memory), ceilDiv(pair.rank, kStep) * kStep / kRanks};
    gather(p, static_cast<const float *>(scratch), pair, rowTile, rows, vectors, wide, rowScales);
    OutputWriter writer(p, pair, pair.rowStart + rowTile * kTileRows, rows, column);
#pragma unroll 1
    for (int unit = first + warp; unit < last; unit += kWarps) {
      Sums sums;
#pragma unroll 1
      for (int step = 0; step < steps; ++step) {
        const Weights weights = next;
        next = reader.read();
        sums.add(vectors, step, weights);
      }
      writer.store(sums, rowScales + lane / 4);
      writer.advance();
    }
    first = last;
  }
}

}  // namespace low_rank::prefill
