// The decode kernel's formula for steps of up to many thousand rows, in two launches:
// shrink: v[chunk][row][rank] = x·Aᵀ over one chunk of inputs, expand: y = columnScale * (y + scale * (sum of v)·Bᵀ).
//
// Tiles of 32 rows; short segments waste arithmetic but no traffic. Shrink: a block walks one chunk for 32 rows x 16
// ranks, each warp an eighth of it. Expand: a block takes v of 32 rows into shared memory as two 16-bit terms, its warps walk the outputs.
// Weights are the tensor cores' 16 rows, activations their 8 columns. Sums are f32, in a fixed order; y is rounded once.
//
// Launch: grid = the plan's `blocks` (made with rowsPerTile 32, shrinkWeight 0), 256 threads. Shared memory: shrink
// none, expand 8 * 1152 + 64 * vectorPitch * 2 (+ 32 * vectorPitch * 4 + 128 in fp16).
// Scratch: 4 bytes a value, values = sum over pairs of rows (to 32) * rank * chunks.
#include "low_rank_outputs.cuh"

using namespace low_rank;

constexpr int kWarps = 8;
constexpr int kThreads = kWarps * 32;
constexpr int kGroups = 4;
constexpr int kTileRows = kGroups * kRows;

// What a warp reads for one step of the shrink.
struct ShrinkStep {
  Quad low, high, x[kGroups];
};

extern "C" __global__ void __launch_bounds__(kThreads, 2) punica_low_rank_shrink(
    const __grid_constant__ LowRankUpdateParams p) {
  __shared__ float parts[kWarps][kTileRows][kRanks + 1];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  const int inputs = p.group.inputs, count = ceilDiv(inputs, p.chunk);
  const bool weightsAligned = inputs % 8 == 0, aligned = (inputs | p.xPitch) % 8 == 0;

  awaitPredecessor();
  releaseSuccessor();
  const char *plan = static_cast<const char *>(p.plan);
  const LowRankShare share = reinterpret_cast<const LowRankShare *>(plan + 64)[blockIdx.x];
  const LowRankPair *pairs = reinterpret_cast<const LowRankPair *>(plan + 64 + (gridDim.x + 1) / 2 * 64);
  int index = share.shrinkPair;
  for (int unit = share.shrinkStart; unit < share.shrinkEnd; ++unit) {
    while (unit >= pairs[index].shrinkEnd) ++index;
    const LowRankPair pair = pairs[index];
    const int rankTiles = ceilDiv(pair.rank, kRanks), local = unit - pair.shrinkStart;
    const int firstRank = local % rankTiles * kRanks, rank = firstRank + g, chunk = local / rankTiles % count;
    const int firstRow = local / rankTiles / count * kTileRows;
    const int rows = minimum(pair.rowCount - firstRow, kTileRows);
    const int part = p.chunk / kWarps, start = chunk * p.chunk + warp * part;
    const int end = minimum(start + part, inputs), k = start + t * 8;
    const u16 *low = static_cast<const u16 *>(pair.a) + static_cast<long long>(rank) * inputs + k;
    const u16 *high = low + static_cast<long long>(8) * inputs;
    const u16 *x = static_cast<const u16 *>(p.x) + static_cast<long long>(pair.rowStart + firstRow + g) * p.xPitch + k;

    const auto read = [&](int step) {
      ShrinkStep s;
      const int done = step * kStep, left = end - k - done;
      s.low = load8(low + done, rank < pair.rank ? left : 0, weightsAligned);
      s.high = load8(high + done, rank + 8 < pair.rank ? left : 0, weightsAligned);
#pragma unroll
      for (int i = 0; i < kGroups; ++i) {
        s.x[i] = load8(x + static_cast<long long>(i) * kRows * p.xPitch + done, i * kRows + g < rows ? left : 0, aligned);
      }
      return s;
    };
    Tile sums[kGroups] = {};
    const int steps = ceilDiv(maximum(end - start, 0), kStep);
    ShrinkStep next = {};
    if (steps > 0) next = read(0);
    for (int step = 0; step < steps; ++step) {
      const ShrinkStep now = next;
      if (step + 1 < steps) next = read(step + 1);
#pragma unroll
      for (int i = 0; i < kGroups; ++i) {
        if (i * kRows < rows) multiplyStep(sums[i], now.low, now.high, now.x[i]);
      }
    }

#pragma unroll
    for (int i = 0; i < kGroups; ++i) {
      const float values[4] = {sums[i].a, sums[i].b, sums[i].c, sums[i].d};
#pragma unroll
      for (int e = 0; e < 4; ++e) parts[warp][i * kRows + 2 * t + e % 2][g + e / 2 * 8] = values[e];
    }
    __syncthreads();
    const int width = minimum(pair.rowCount, kTileRows);
    float *v = static_cast<float *>(p.scratch) + pair.scratchStart +
               (static_cast<long long>(firstRow / kTileRows) * count + chunk) * width * pair.rank;
    for (int e = threadIdx.x; e < kTileRows * kRanks; e += kThreads) {
      const int row = e / kRanks, j = e % kRanks;
      if (row >= rows || firstRank + j >= pair.rank) continue;
      float sum = 0;
#pragma unroll
      for (int w = 0; w < kWarps; ++w) sum += parts[w][row][j];
      v[row * pair.rank + firstRank + j] = sum;
    }
    __syncthreads();
  }
}

// Sums v's chunks for one tile of rows into two 16-bit terms.
__device__ __forceinline__ void gather(const LowRankUpdateParams &p, const LowRankPair &pair, int rowTile, int rows,
                                       u16 *vectors, float *wide, float *rowScales) {
  const int count = ceilDiv(p.group.inputs, p.chunk), width = minimum(pair.rowCount, kTileRows);
  const int ranks = ceilDiv(pair.rank, kStep) * kStep, size = width * pair.rank;
  const float *v = static_cast<const float *>(p.scratch) + pair.scratchStart +
                   static_cast<long long>(rowTile) * count * size;
  const int paddedRows = ceilDiv(rows, kRows) * kRows;
  for (int e = threadIdx.x; e < paddedRows * ranks; e += kThreads) {
    const int n = e / ranks, j = e % ranks;
    float sum = 0;
    if (n < rows && j < pair.rank) {
      const float *value = v + n * pair.rank + j;
      for (int chunk = 0; chunk < count; ++chunk) sum += value[static_cast<long long>(chunk) * size];
    }
#if PUNICA_BF16
    writeTerms(vectors, p.vectorPitch, n, j, sum);
#else
    wide[n * p.vectorPitch + j] = sum;
#endif
  }
  __syncthreads();
#if !PUNICA_BF16
  for (int n = threadIdx.x / 32; n < paddedRows; n += kWarps) {
    const float back = writeScaledTerms(vectors, p.vectorPitch, n, ranks, wide + n * p.vectorPitch);
    if (threadIdx.x % 32 == 0) rowScales[n] = back;
  }
  __syncthreads();
#endif
}

// One warp's expand unit: weights of its first step and y, read ahead of their use.
struct ExpandUnit {
  Quad low, high, y[kGroups];
};

extern "C" __global__ void __launch_bounds__(kThreads, 2) punica_low_rank_expand(
    const __grid_constant__ LowRankUpdateParams p) {
  extern __shared__ __align__(1024) char memory[];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  float *tile = reinterpret_cast<float *>(memory) + warp * kRows * kTilePitch;
  u16 *vectors = reinterpret_cast<u16 *>(memory + kWarps * kRows * kTilePitch * sizeof(float));
  float *wide = reinterpret_cast<float *>(vectors + 2 * kTileRows * p.vectorPitch);
  float *rowScales = wide + kTileRows * p.vectorPitch;

  awaitPredecessor();
  releaseSuccessor();
  const char *plan = static_cast<const char *>(p.plan);
  const LowRankShare share = reinterpret_cast<const LowRankShare *>(plan + 64)[blockIdx.x];
  const LowRankPair *pairs = reinterpret_cast<const LowRankPair *>(plan + 64 + (gridDim.x + 1) / 2 * 64);
  int index = share.expandPair;
  for (int first = share.expandStart; first < share.expandEnd;) {
    while (first >= pairs[index].expandEnd) ++index;
    const LowRankPair pair = pairs[index];
    const int outputs = p.group.outputs[pair.member], width = tileWidth(pair.rank), tiles = ceilDiv(outputs, width);
    const int rowTile = (first - pair.expandStart) / tiles, begin = pair.expandStart + rowTile * tiles;
    const int last = minimum(share.expandEnd, begin + tiles);
    const int rows = minimum(pair.rowCount - rowTile * kTileRows, kTileRows);
    const bool packed = pair.rank <= kPackedRank, aligned = pair.rank % 8 == 0;
    const int k = (packed ? lane % 2 : t) * 8, across = packed ? 16 : 8;

    const auto readWeights = [&](int unit, int step, Quad &low, Quad &high) {
      const int column = (unit - begin) * width + (packed ? lane / 2 : g), left = pair.rank - k - step * kStep;
      const u16 *b = static_cast<const u16 *>(pair.b) + static_cast<long long>(column) * pair.rank + k + step * kStep;
      low = load8(b, column < outputs ? left : 0, aligned);
      high = load8(b + across * pair.rank, column + across < outputs ? left : 0, aligned);
    };
    const auto place = [&](int unit, int group) {
      const int row = rowTile * kTileRows + group * kRows + g, column = (unit - begin) * width + t * 8;
      const int count = row < pair.rowCount && t * 8 < width ? minimum(outputs - column, 8) : 0;
      u16 *y = static_cast<u16 *>(p.y) + static_cast<long long>(pair.rowStart + row) * p.yPitch +
               p.group.columns[pair.member] + column;
      return Outputs{y, column, count, (p.yPitch | p.group.columns[pair.member]) % 8 == 0};
    };
    const auto read = [&](int unit) {
      ExpandUnit u;
      readWeights(unit, 0, u.low, u.high);
#pragma unroll
      for (int i = 0; i < kGroups; ++i) {
        if (i * kRows < rows) u.y[i] = place(unit, i).load();
      }
      return u;
    };
    int unit = first + warp;
    ExpandUnit next = {};
    if (unit < last) next = read(unit);
    __syncthreads();
    gather(p, pair, rowTile, rows, vectors, wide, rowScales);
    for (; unit < last; unit += kWarps) {
      const ExpandUnit now = next;
      if (unit + kWarps < last) next = read(unit + kWarps);
      Tile sums[2 * kGroups] = {};
      if (!packed) {
        const u16 *vector = vectors + g * p.vectorPitch + t * 8;
        const int steps = tileSteps(pair.rank);
        Quad low = now.low, high = now.high;
        for (int step = 0; step < steps; ++step) {
          Quad nextLow = {}, nextHigh = {};
          if (step + 1 < steps) readWeights(unit, step + 1, nextLow, nextHigh);
#pragma unroll
          for (int i = 0; i < 2 * kGroups; ++i) {
            if (i * 4 < rows) {
              const u16 *column = vector + i * 8 * p.vectorPitch + step * kStep;
              multiplyStep(sums[i], low, high, loadShared(sharedAddress(column)));
            }
          }
          low = nextLow;
          high = nextHigh;
        }
      }
#pragma unroll
      for (int i = 0; i < kGroups; ++i) {
        if (i * kRows < rows) {
          if (packed) {
            const int height = minimum(rows - i * kRows, kRows);
            expandPacked(now.low, now.high, height, vectors + i * 2 * kRows * p.vectorPitch, p.vectorPitch, tile);
          } else {
            writeWide(sums[2 * i], tile);
            writeWide(sums[2 * i + 1], tile + 4 * kTilePitch);
          }
          float scale = pair.scale;
#if !PUNICA_BF16
          scale *= rowScales[minimum(i * kRows + g, rows - 1)];
#endif
          __syncwarp();
          store(pair, place(unit, i), now.y[i], tile + g * kTilePitch + t * 8, scale);
          __syncwarp();
        }
      }
    }
    first = last;
  }
}
