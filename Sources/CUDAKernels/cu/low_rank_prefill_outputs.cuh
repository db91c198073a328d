// A unit's sums in the expand of long segments, and where they go.
#pragma once

#include "low_rank_prefill_vectors.cuh"

namespace low_rank::prefill {

// 4 neighbouring ranks of an output's weights.
struct Four {
  u32 low, high;
};

__device__ __forceinline__ Four loadFour(const u16 *pointer) {
  Four f;
  asm volatile("ld.global.v2.u32 {%0,%1}, [%2];" : "=r"(f.low), "=r"(f.high) : "l"(pointer) : "memory");
  return f;
}

// Weights of 4 tiles of 8 outputs, one step of ranks.
struct Weights {
  Four of[kGroups];
};

// A unit's sums: 32 rows, two sixteens of them, by 32 outputs.
struct Sums {
  Tile of[kGroups / 2][kGroups] = {};

  // Adds one step of ranks: both terms of v are the tensor cores' 16 rows, weights their 8 columns.
  __device__ __forceinline__ void add(const Vectors &vectors, int step, const Weights &weights) {
#pragma unroll
    for (int m = 0; m < kGroups / 2; ++m) {
#pragma unroll
      for (int term = 0; term < 2; ++term) {
        const Quad v = loadShared(sharedAddress(vectors.place(m, term, step) + threadIdx.x % 32 * 8));
#pragma unroll
        for (int j = 0; j < kGroups; ++j) {
          multiply(of[m][j], v.x, v.y, v.z, v.w, weights.of[j].low, weights.of[j].high);
        }
      }
    }
  }

  // The 8 outputs that this lane has of each eighth row, from its i-th on.
  __device__ __forceinline__ void row(int i, float (&values)[8]) const {
#pragma unroll
    for (int j = 0; j < kGroups; ++j) {
      const Tile &tile = of[i / 2][j];
      values[2 * j] = i % 2 ? tile.c : tile.a;
      values[2 * j + 1] = i % 2 ? tile.d : tile.b;
    }
  }
};

// Adds to what lies in y, or scales columns as well, or has fewer than 8 outputs: where updates come after their product,
// and at ragged ends. A call, since it is long where it is repeated.
__device__ __noinline__ void storeOthers(u16 *y, const float *columnScale, int count, bool adds, float4 low,
                                         float4 high) {
  const float v[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
  if (count >= 8 && reinterpret_cast<unsigned long long>(y) % 16 == 0) {
    storeGlobal(y, combine(adds ? loadGlobal(y) : Quad{0, 0, 0, 0}, columnScale, v));
    return;
  }
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    if (i < count) storeOne(y + i, columnScale ? columnScale + i : nullptr, adds, v[i]);
  }
}

// Where this lane's outputs of successive units of a row tile go.
struct OutputWriter {
  u16 *y;
  const float *columnScale;
  // Of the unit: columns from this lane's first on. Rows from this lane's first on.
  int left, rows;
  int groupStride;
  float scale;
  // Whether sums are all that is written, 16 bytes at a time.
  bool isPlain, adds;

  __device__ OutputWriter(const LowRankUpdateParams &p, const LowRankPair &pair, int firstRow, int rowCount,
                          int column) {
    const int row = threadIdx.x % 32 / 4, start = p.group.columns[pair.member], own = column + threadIdx.x % 4 * 8;
    y = static_cast<u16 *>(p.y) + static_cast<long long>(firstRow + row) * p.yPitch + start + own;
    columnScale = pair.columnScale ? pair.columnScale + own : nullptr;
    left = p.group.outputs[pair.member] - own;
    rows = rowCount - row;
    groupStride = kRows * p.yPitch;
    scale = pair.scale;
    adds = p.adds != 0;
    isPlain = (p.yPitch | start) % 8 == 0 && !adds && !columnScale;
  }

  // Rounds a unit's sums into y; `rowScales` are those of this lane's row and of each eighth from it on.
  __device__ __forceinline__ void store(const Sums &sums, const float *rowScales) const {
    u16 *place = y;
#pragma unroll
    for (int i = 0; i < kGroups; ++i, place += groupStride) {
      if (i * kRows >= rows) return;
#if PUNICA_BF16
      const float f = scale;
#else
      const float f = scale * rowScales[i * kRows];
#endif
      float v[8];
      sums.row(i, v);
#pragma unroll
      for (int j = 0; j < 8; ++j) v[j] *= f;
      if (isPlain && left >= 8) {
        storeGlobal(place, round8(v));
      } else if (left > 0) {
        storeOthers(place, columnScale, left, adds, {v[0], v[1], v[2], v[3]}, {v[4], v[5], v[6], v[7]});
      }
    }
  }

  __device__ __forceinline__ void advance() {
    y += kWarps * kTileWidth;
    left -= kWarps * kTileWidth;
    if (columnScale) columnScale += kWarps * kTileWidth;
  }
};

}  // namespace low_rank::prefill
