// The decode kernel's formula for steps of up to many thousand rows, in two launches:
// shrink: v[chunk][row][rank] = x·Aᵀ over one chunk of inputs, expand: y = columnScale * (y + scale * (sum of v)·Bᵀ).
//
// Tiles of 32 rows; short segments waste arithmetic but no traffic. Shrink: a block walks one chunk for 32 rows x 16
// ranks, each warp an eighth of it; weights are the tensor cores' 16 rows, activations their 8 columns. Expand: a block
// takes v of 32 rows into shared memory as two 16-bit terms, its warps walk the outputs, 32 at a time; v is the tensor
// cores' 16 rows, weights their 8 columns. Sums are f32, in a fixed order; y is rounded once.
//
// Launch: grid = the plan's `blocks` (made with rowsPerTile 32, shrinkWeight 0), 256 threads. Shared memory: shrink
// none, expand 64 * vectorPitch * 2 (+ 32 * vectorPitch * 4 + 128 in fp16).
// Scratch: 4 bytes a value, values = sum over pairs of rows (to 32) * rank * chunks.
#include "low_rank_outputs.cuh"

using namespace low_rank;

constexpr int kWarps = 8;
constexpr int kThreads = kWarps * 32;
constexpr int kGroups = 4;
constexpr int kTileRows = kGroups * kRows;
static_assert(kTileRows == kTileWidth, "a unit is as many tiles of outputs as of rows");

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
#pragma unroll 4
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

// 4 neighbouring ranks of an output's weights, or of a row's term.
struct Four {
  u32 low, high;
};

__device__ __forceinline__ Four loadSharedFour(const u16 *place) {
  Four f;
  asm volatile("ld.shared.v2.u32 {%0,%1}, [%2];" : "=r"(f.low), "=r"(f.high) : "r"(sharedAddress(place)));
  return f;
}

// Those at `count` and beyond are zero.
__device__ __forceinline__ Four load4(const u16 *pointer, int count, bool aligned) {
  Four f = {0, 0};
  if (count <= 0) return f;
  if (aligned) {
    asm volatile("ld.global.v2.u32 {%0,%1}, [%2];" : "=r"(f.low), "=r"(f.high) : "l"(pointer) : "memory");
  } else {
    const Quad q = loadScalars(pointer, minimum(count, 4));
    f = {q.x, q.y};
  }
  return f;
}

// What of one row tile and pair an expand needs, beside v.
struct ExpandPiece {
  const LowRankUpdateParams &p;
  const LowRankPair &pair;
  // Where the row tile's units begin; its first row and how many it has.
  int begin, firstRow, rows;

  // Output n of tile j stands for column n / 2 * 8 + 2 j + n % 2, so that a lane's sums of a row are 8 neighbours.
  __device__ __forceinline__ void readWeights(int unit, int step, Four (&b)[kGroups]) const {
    const int lane = threadIdx.x % 32, g = lane / 4, k = step * kRanks + lane % 4 * 4;
    const int column = (unit - begin) * kTileWidth + g / 2 * 8 + g % 2, outputs = p.group.outputs[pair.member];
    const u16 *source = static_cast<const u16 *>(pair.b) + static_cast<long long>(column) * pair.rank + k;
#pragma unroll
    for (int j = 0; j < kGroups; ++j) {
      b[j] = load4(source + 2 * j * pair.rank, column + 2 * j < outputs ? pair.rank - k : 0, pair.rank % 4 == 0);
    }
  }

  __device__ __forceinline__ Outputs place(int unit, int group) const {
    const int lane = threadIdx.x % 32, row = group * kRows + lane / 4, start = p.group.columns[pair.member];
    const int column = (unit - begin) * kTileWidth + lane % 4 * 8;
    u16 *y = static_cast<u16 *>(p.y) + static_cast<long long>(firstRow + row) * p.yPitch + start + column;
    const int count = row < rows ? minimum(p.group.outputs[pair.member] - column, 8) : 0;
    return Outputs{y, column, count, (p.yPitch | start) % 8 == 0, true};
  }

  __device__ __forceinline__ void readOutputs(int unit, Quad (&y)[kGroups]) const {
#pragma unroll
    for (int i = 0; i < kGroups; ++i) y[i] = place(unit, i).load();
  }
};

// Both terms of 32 rows of v for one step of ranks.
struct Vectors {
  Four leading[kGroups], rest[kGroups];

  __device__ __forceinline__ void read(const u16 *vectors, int pitch, int rows, int step) {
    const int lane = threadIdx.x % 32;
    const u16 *own = vectors + 2 * (lane / 4) * pitch + step * kRanks + lane % 4 * 4;
#pragma unroll
    for (int i = 0; i < kGroups; ++i) {
      leading[i] = rest[i] = {0, 0};
      if (i * kRows < rows) {
        leading[i] = loadSharedFour(own + 2 * i * kRows * pitch);
        rest[i] = loadSharedFour(own + (2 * i * kRows + 1) * pitch);
      }
    }
  }
};

// 32 rows by 32 outputs, one step of ranks; v is the tensor cores' 16 rows, weights their 8 columns.
__device__ __forceinline__ void multiplyRanks(Tile (&sums)[2][kGroups], const Vectors &v, const Four (&b)[kGroups]) {
#pragma unroll
  for (int m = 0; m < 2; ++m) {
    const Four &a = v.leading[2 * m], &c = v.leading[2 * m + 1], &d = v.rest[2 * m], &e = v.rest[2 * m + 1];
#pragma unroll
    for (int j = 0; j < kGroups; ++j) {
      multiply(sums[m][j], a.low, c.low, a.high, c.high, b[j].low, b[j].high);
      multiply(sums[m][j], d.low, e.low, d.high, e.high, b[j].low, b[j].high);
    }
  }
}

extern "C" __global__ void __launch_bounds__(kThreads, 2) punica_low_rank_expand(
    const __grid_constant__ LowRankUpdateParams p) {
  extern __shared__ __align__(1024) char memory[];
  const int warp = threadIdx.x / 32;
  u16 *vectors = reinterpret_cast<u16 *>(memory);
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
    const int tiles = ceilDiv(p.group.outputs[pair.member], kTileWidth), steps = tileSteps(pair.rank);
    const int rowTile = (first - pair.expandStart) / tiles, begin = pair.expandStart + rowTile * tiles;
    const int last = minimum(share.expandEnd, begin + tiles);
    const int rows = minimum(pair.rowCount - rowTile * kTileRows, kTileRows);
    const ExpandPiece piece = {p, pair, begin, pair.rowStart + rowTile * kTileRows, rows};

    int unit = first + warp;
    Four nextB[kGroups];
    Quad nextY[kGroups];
    if (unit < last) {
      piece.readWeights(unit, 0, nextB);
      piece.readOutputs(unit, nextY);
    }
    __syncthreads();
    gather(p, pair, rowTile, rows, vectors, wide, rowScales);
    Vectors v;
    v.read(vectors, p.vectorPitch, rows, 0);
    for (; unit < last; unit += kWarps) {
      Four b[kGroups];
      Quad y[kGroups];
#pragma unroll
      for (int i = 0; i < kGroups; ++i) {
        b[i] = nextB[i];
        y[i] = nextY[i];
      }
      if (steps == 1 && unit + kWarps < last) piece.readWeights(unit + kWarps, 0, nextB);
      if (unit + kWarps < last) piece.readOutputs(unit + kWarps, nextY);
      Tile sums[2][kGroups] = {};
      multiplyRanks(sums, v, b);
#pragma unroll 1
      for (int step = 1; step < steps; ++step) {
        piece.readWeights(unit, step, b);
        v.read(vectors, p.vectorPitch, rows, step);
        multiplyRanks(sums, v, b);
      }
      if (steps > 1) {
        v.read(vectors, p.vectorPitch, rows, 0);
        if (unit + kWarps < last) piece.readWeights(unit + kWarps, 0, nextB);
      }
#pragma unroll
      for (int i = 0; i < kGroups; ++i) {
        float scale = pair.scale;
#if !PUNICA_BF16
        scale *= rowScales[minimum(i * kRows + threadIdx.x % 32 / 4, rows - 1)];
#endif
        const Tile(&own)[kGroups] = sums[i / 2];
        float values[8];
#pragma unroll
        for (int j = 0; j < kGroups; ++j) {
          values[2 * j] = i % 2 ? own[j].c : own[j].a;
          values[2 * j + 1] = i % 2 ? own[j].d : own[j].b;
        }
        storeHeld(pair, piece.place(unit, i), y[i], values, scale);
      }
    }
    first = last;
  }
}
