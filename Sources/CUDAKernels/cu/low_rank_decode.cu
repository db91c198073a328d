// y[rows, columns of m] = columnScale * (y + scale * (x[rows]·Aᵀ)·Bᵀ) for every pair (segment, member m) of a plan, in
// one launch, for steps of up to some hundred rows. After SGMV (Punica, arXiv 2310.18547), with one kernel for both
// products.
//
// A block walks its shrink units (8 rows x 16 ranks x one chunk of inputs, each warp 128 of them), then its expand units
// (8 rows x 128, 64 or 16 outputs, each warp its own). Weights go in blocks of up to 4 KB a warp: lanes copy
// asynchronously into their own slots of a queue in shared memory, across the border of the two products and before the
// preceding kernel has ended, so weights stream without a pause. Weights are the tensor cores' 16 rows, activations
// their 8 columns. Sums of v = A·x over a chunk travel between blocks as (f32, tag) words and are added in a fixed order
// that no other row touches; v enters the second product as two 16-bit terms (its 16 leading bits in bf16), so nothing
// of it is lost at the precision of y. Sums are f32, y is rounded once.
//
// Blocks wait for each other: the grid must fit on the device at once, and one such launch may be in flight at a time.
// Launch: grid = the plan's `blocks` (made with rowsPerTile 8), LOW_RANK_WARPS * 32 threads, dynamic shared memory
//   warps * (depth * 4096 + 1152) + 64 * 64 + 16 * vectorPitch * 2 (+ 32 * vectorPitch + 32 in fp16)
// vectorPitch = 8 + the largest rank rounded up to 32. Scratch: 8 bytes a word, words = sum over pairs of
// rows (to 8) * rank * chunks.
#include "low_rank_outputs.cuh"

using namespace low_rank;

#ifndef LOW_RANK_WARPS
#define LOW_RANK_WARPS 8
#endif
// Blocks of weights that a warp asks for ahead, and how many of them before it waits for the preceding kernel.
#ifndef LOW_RANK_DEPTH
#define LOW_RANK_DEPTH 3
#endif
#ifndef LOW_RANK_EARLY
#define LOW_RANK_EARLY 3
#endif
// Polls after which a launch whose blocks do not all run ends in an error instead of never.
#ifndef LOW_RANK_PATIENCE
#define LOW_RANK_PATIENCE (1 << 24)
#endif
// 1: shrink alone, 2: expand alone, 3: both.
#ifndef LOW_RANK_PHASES
#define LOW_RANK_PHASES 3
#endif
#ifndef LOW_RANK_RESIDENT
#define LOW_RANK_RESIDENT 2
#endif

constexpr int kWarps = LOW_RANK_WARPS;
constexpr int kThreads = kWarps * 32;
constexpr int kDepth = LOW_RANK_DEPTH;
// Steps of a block of weights, one KB each.
constexpr int kSteps = 4;
constexpr int kBlockBytes = kSteps * 1024;
constexpr int kWarpInputs = kSteps * kStep;
constexpr int kChunk = kWarps * kWarpInputs;
constexpr int kCachedPairs = 64;
// Row tiles' results pass through 288 floats a warp: 2 rows of 128 or 4 rows of 64 outputs, padded against conflicts.
constexpr int kTileFloats = 288;
constexpr int kPackedPitch = 144;
constexpr int kWidePitch = 72;
constexpr int kNone = -(1 << 30);

static_assert(2 * kRanks * kRows <= kTileFloats);

struct Work {
  const LowRankUpdateParams &p;
  const LowRankPair *near, *far;
  const LowRankShare &share;

  __device__ const LowRankPair &pair(int index) const { return index < kCachedPairs ? near[index] : far[index]; }
};

__device__ __forceinline__ void copyScalars(u32 target, const u16 *source, int count) {
  storeShared(target, count > 0 ? loadScalars(source, count) : Quad{0, 0, 0, 0});
}

// Runs ahead of the products and fills a warp's queue with blocks of weights.
struct Queue {
  u32 slots;
  int filled = 0, used = 0;
  bool expands;
  int unit, end, pair;
  // This lane's two rows of the next block: step i lies `stride` elements on and exists while i << shift < left.
  const u16 *low, *high;
  int lowLeft, highLeft, stride, shift;
  // From unit to unit: elements and what `left` loses; a jump of 0, or no blocks left, has the unit looked up.
  int jump, loss, inner, innerEnd, blocks;
  // Elements of 8 that exist, where it is not `left` that says so.
  int tail;
  bool aligned;

  __device__ Queue(const Work &work, u32 slots) : slots(slots) { open(work, LOW_RANK_PHASES == 2); }

  __device__ bool isEmpty() const { return unit >= end; }

  __device__ void open(const Work &work, bool expand) {
    expands = expand;
    unit = expand ? work.share.expandStart + threadIdx.x / 32 : work.share.shrinkStart;
    end = expand ? work.share.expandEnd : work.share.shrinkEnd;
    pair = expand ? work.share.expandPair : work.share.shrinkPair;
    blocks = 0;
  }

  __device__ __forceinline__ void seek(const Work &work) {
    const int lane = threadIdx.x % 32;
    if (!expands) {
      while (unit >= work.pair(pair).shrinkEnd) ++pair;
      const LowRankPair &at = work.pair(pair);
      const int inputs = work.p.group.inputs, local = unit - at.shrinkStart;
      innerEnd = ceilDiv(inputs, kChunk);
      const unsigned outer = static_cast<unsigned>(local) / innerEnd;
      inner = local - outer * innerEnd;
      const int rank = static_cast<int>(outer % ceilDiv(at.rank, kRanks)) * kRanks + lane / 4;
      const int k = inner * kChunk + threadIdx.x / 32 * kWarpInputs + lane % 4 * 8;
      low = static_cast<const u16 *>(at.a) + static_cast<long long>(rank) * inputs + k;
      high = low + static_cast<long long>(8) * inputs;
      lowLeft = rank < at.rank ? inputs - k : kNone;
      highLeft = rank + 8 < at.rank ? inputs - k : kNone;
      stride = kStep;
      shift = 5;
      jump = loss = kChunk;
      blocks = 1;
      tail = 0;
      aligned = inputs % 8 == 0;
      return;
    }
    while (unit >= work.pair(pair).expandEnd) ++pair;
    const LowRankPair &at = work.pair(pair);
    const int outputs = work.p.group.outputs[at.member], rank = at.rank, width = unitWidth(rank);
    const bool packed = rank <= kPackedRank, narrow = rank <= kStep;
    innerEnd = ceilDiv(outputs, width);
    inner = static_cast<unsigned>(unit - at.expandStart) % innerEnd;
    const int column = inner * width + (packed ? lane / 2 : lane / 4), across = packed ? 16 : 8;
    const int k = (packed ? lane % 2 : lane % 4) * 8;
    low = static_cast<const u16 *>(at.b) + static_cast<long long>(column) * rank + k;
    high = low + across * rank;
    lowLeft = narrow ? (k < rank ? outputs - column : kNone) : column < outputs ? rank - k : kNone;
    highLeft = narrow ? lowLeft - across : column + across < outputs ? rank - k : kNone;
    stride = narrow ? 2 * across * rank : kStep;
    shift = packed || !narrow ? 5 : 4;
    jump = narrow ? kWarps * width * rank : 0;
    loss = narrow ? kWarps * width : 0;
    blocks = ceilDiv(unitSteps(rank), kSteps);
    tail = narrow ? rank - k : 0;
    aligned = rank % 8 == 0;
  }

  __device__ u32 slot(int index) const { return slots + index * kBlockBytes + threadIdx.x % 32 * 16; }

  // Asks for the next block's weights, if any, into the next slots.
  __device__ __forceinline__ void fill(const Work &work) {
    if (LOW_RANK_PHASES == 3 && isEmpty() && !expands) open(work, true);
    if (!isEmpty()) {
      if (blocks == 0) seek(work);
      const u32 target = slot(filled);
      const int round = (1 << shift) - 1;
      const int lows = (lowLeft + round) >> shift, highs = (highLeft + round) >> shift;
      if (aligned) {
#pragma unroll
        for (int i = 0; i < kSteps; ++i) {
          copy8(target + i * 1024, low + i * stride, i < lows);
          copy8(target + i * 1024 + 512, high + i * stride, i < highs);
        }
      } else {
#pragma unroll 1
        for (int i = 0; i < kSteps; ++i) {
          copyScalars(target + i * 1024, low + i * stride, i < lows ? (tail ? tail : lowLeft - i * kStep) : 0);
          copyScalars(target + i * 1024 + 512, high + i * stride, i < highs ? (tail ? tail : highLeft - i * kStep) : 0);
        }
      }
      advance();
    }
    filled = filled + 1 == kDepth ? 0 : filled + 1;
    commit();
  }

  __device__ __forceinline__ void advance() {
    if (--blocks > 0) {
      low += kWarpInputs;
      high += kWarpInputs;
      lowLeft -= kWarpInputs;
      highLeft -= kWarpInputs;
      return;
    }
    const int step = expands ? kWarps : 1;
    unit += step;
    inner += step;
    if (jump == 0 || inner >= innerEnd) return;
    blocks = 1;
    low += jump;
    high += jump;
    lowLeft -= loss;
    highLeft -= loss;
  }

  // Waits for the oldest block. Returns where this lane's weights of its first step are: the low row's there, the high
  // row's 512 bytes on, the next step's 1 KB on.
  __device__ __forceinline__ u32 take() {
    awaitGroups<kDepth - 1>();
    const u32 block = slot(used);
    used = used + 1 == kDepth ? 0 : used + 1;
    return block;
  }
};

// One shrink unit's place.
struct ShrinkUnit {
  int firstRank, rows, k;
  const u16 *x;
  long long words;

  __device__ ShrinkUnit(const Work &work, const LowRankPair &pair, int unit) {
    const LowRankUpdateParams &p = work.p;
    const int lane = threadIdx.x % 32, count = ceilDiv(p.group.inputs, kChunk), tiles = ceilDiv(pair.rank, kRanks);
    const unsigned local = unit - pair.shrinkStart, outer = local / count;
    const int chunk = local - outer * count, rowTile = outer / tiles;
    firstRank = (outer - rowTile * tiles) * kRanks;
    rows = minimum(pair.rowCount - rowTile * kRows, kRows);
    k = chunk * kChunk + threadIdx.x / 32 * kWarpInputs + lane % 4 * 8;
    x = static_cast<const u16 *>(p.x) +
        static_cast<long long>(pair.rowStart + rowTile * kRows + lane / 4) * p.xPitch + k;
    words = pair.scratchStart +
            (static_cast<long long>(rowTile) * count + chunk) * pair.rank * minimum(pair.rowCount, kRows);
  }

  __device__ __forceinline__ void read(const LowRankUpdateParams &p, Quad (&held)[kSteps]) const {
    const bool aligned = (p.group.inputs | p.xPitch) % 8 == 0;
    const int left = static_cast<int>(threadIdx.x) % 32 / 4 < rows ? p.group.inputs - k : 0;
#pragma unroll
    for (int i = 0; i < kSteps; ++i) held[i] = load8(x + i * kStep, left - i * kStep, aligned);
  }
};

// Parts of v: all warps' sums meet in shared memory (two buffers, so that one barrier a unit is enough).
__device__ __forceinline__ void shrink(const Work &work, Queue &queue, float *parts) {
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  const int end = work.share.shrinkEnd;
  int unit = work.share.shrinkStart, index = work.share.shrinkPair;
  if (unit >= end) return;
  ShrinkUnit at(work, work.pair(index), unit);
  Quad held[kSteps], next[kSteps];
  at.read(work.p, next);
#pragma unroll 1
  for (; unit < end; ++unit) {
    const LowRankPair &pair = work.pair(index);
    const ShrinkUnit now = at;
#pragma unroll
    for (int i = 0; i < kSteps; ++i) held[i] = next[i];
    if (unit + 1 < end) {
      if (unit + 1 >= pair.shrinkEnd) ++index;
      at = ShrinkUnit(work, work.pair(index), unit + 1);
      at.read(work.p, next);
    }
    const u32 block = queue.take();
    Tile sums[2] = {};
#pragma unroll
    for (int i = 0; i < kSteps; ++i) {
      multiplyStep(sums[i % 2], loadShared(block + i * 1024), loadShared(block + i * 1024 + 512), held[i]);
    }
    queue.fill(work);
    float *buffer = parts + unit % 2 * kWarps * kRanks * kRows;
    float *own = buffer + threadIdx.x / 32 * kRanks * kRows + 2 * t * kRanks + g;
    own[0] = sums[0].a + sums[1].a;
    own[kRanks] = sums[0].b + sums[1].b;
    own[8] = sums[0].c + sums[1].c;
    own[kRanks + 8] = sums[0].d + sums[1].d;
    __syncthreads();
    const int row = threadIdx.x / kRanks, rank = now.firstRank + threadIdx.x % kRanks;
    if (row < now.rows && rank < pair.rank) {
      float sum = 0;
#pragma unroll
      for (int i = 0; i < kWarps; ++i) sum += buffer[i * kRanks * kRows + threadIdx.x];
      post(static_cast<u64 *>(work.p.scratch) + now.words + rank * minimum(pair.rowCount, kRows) + row, sum,
           work.share.tag);
    }
  }
}

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

#ifdef LOW_RANK_STAMPS
__device__ u64 stamps[4 * 264 * 8];
__device__ __forceinline__ void stamp(u32 tag, int which) {
  u64 t;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(t)::"memory");
  if (threadIdx.x == 0) stamps[(tag % 4 * 264 + blockIdx.x) * 8 + which] = t;
}
#define STAMP(which) stamp(share.tag, which)
#else
#define STAMP(which)
#endif

extern "C" __global__ void __launch_bounds__(kThreads, LOW_RANK_RESIDENT) punica_low_rank_decode(
    const __grid_constant__ LowRankUpdateParams p) {
  extern __shared__ __align__(1024) char memory[];
  const int warp = threadIdx.x / 32;
  char *cursor = memory + kWarps * kDepth * kBlockBytes;
  float *parts = reinterpret_cast<float *>(cursor), *tile = parts + warp * kTileFloats;
  cursor += kWarps * kTileFloats * sizeof(float);
  LowRankPair *near = reinterpret_cast<LowRankPair *>(cursor);
  cursor += kCachedPairs * sizeof(LowRankPair);
  u16 *vectors = reinterpret_cast<u16 *>(cursor);
  cursor += 2 * kRows * p.vectorPitch * sizeof(u16);
  float *wide = reinterpret_cast<float *>(cursor), *rowScales = wide + kRows * p.vectorPitch;

  const char *plan = static_cast<const char *>(p.plan);
  const char *pairs = plan + 64 + (gridDim.x + 1) / 2 * 64;
  for (int i = threadIdx.x; i < kCachedPairs * 4; i += kThreads) {
    reinterpret_cast<int4 *>(near)[i] = reinterpret_cast<const int4 *>(pairs)[i];
  }
  __shared__ LowRankShare share;
  if (threadIdx.x < sizeof(LowRankShare) / 4) {
    reinterpret_cast<u32 *>(&share)[threadIdx.x] =
        reinterpret_cast<const u32 *>(plan + 64 + blockIdx.x * sizeof(LowRankShare))[threadIdx.x];
  }
  const Work work = {p, near, reinterpret_cast<const LowRankPair *>(pairs), share};
  __syncthreads();

  STAMP(0);
  Queue queue(work, sharedAddress(memory) + warp * kDepth * kBlockBytes);
#pragma unroll 1
  for (int asked = 0; asked < kDepth; ++asked) {
    if (asked == LOW_RANK_EARLY) awaitPredecessor();
    queue.fill(work);
  }
  STAMP(1);
  if (LOW_RANK_EARLY >= kDepth) awaitPredecessor();
  STAMP(2);
  releaseSuccessor();

  if (LOW_RANK_PHASES & 1) shrink(work, queue, parts);
  STAMP(3);
  if (!(LOW_RANK_PHASES & 2)) return;

  // As many pieces at a time as v's place holds: for short segments, all that a block has.
  __shared__ Piece pieces[kRows];
  int index = work.share.expandPair;
  int unit = work.share.expandStart + warp;
#pragma unroll 1
  for (int first = work.share.expandStart; first < work.share.expandEnd;) {
    __syncthreads();
    int count = 0, taken = 0;
#pragma unroll 1
    while (first < work.share.expandEnd && count < kRows) {
      while (first >= work.pair(index).expandEnd) ++index;
      const LowRankPair &pair = work.pair(index);
      const int tiles = ceilDiv(p.group.outputs[pair.member], unitWidth(pair.rank));
      const int rowTile = static_cast<unsigned>(first - pair.expandStart) / tiles;
      const int begin = pair.expandStart + rowTile * tiles;
      const int padded = paddedRows(minimum(pair.rowCount - rowTile * kRows, kRows), pair.rank);
      if (taken + padded > kRows) break;
      const int last = minimum(work.share.expandEnd, begin + tiles);
      if (threadIdx.x == 0) pieces[count] = {&pair, begin, last, rowTile, taken};
      taken += padded;
      ++count;
      first = last;
    }
    __syncthreads();
    const Piece *piece = pieces, *const end = pieces + count;
    while (piece < end && unit >= piece->last) ++piece;
    Quad y = {0, 0, 0, 0};
    if (piece < end) y = Rows(work, piece).place(unit, 0).load();
#pragma unroll 1
    for (const Piece *each = pieces; each < end; ++each) gather(work, *each, vectors, wide, rowScales);
    __syncthreads();
    STAMP(4);
#pragma unroll 1
    while (piece < end) {
      const Rows rows(work, piece);
      // y of the next unit is on its way while this one is worked on.
      Quad nextY = {0, 0, 0, 0};
      const int nextUnit = unit + kWarps;
      while (piece < end && nextUnit >= piece->last) ++piece;
      if (piece < end) nextY = Rows(work, piece).place(nextUnit, 0).load();
      expandUnit(rows, unit, queue, y, vectors, rowScales, tile);
      y = nextY;
      unit = nextUnit;
    }
  }
  STAMP(5);
}
