// Attention of single query rows over the paged cache, with the rotation and the append before it: decode steps.
//
//     punica_append_attend   cache ← rope(k[t]), v[t]
//                            o[t, h] = softmax(rope(q[t, h]) · Kᵀ / sqrt(D)) · V over positions 0 ... positions[t]
//
// A block has one row, one key/value head with up to 8 of its query heads, and one split of the positions; a group of
// D / 8 neighbouring lanes reads a position's key and value, 16 bytes a lane, several positions ahead. A block rotates
// its queries itself, and the key of the row's own position if that lies in its split, so that nobody reads what this
// launch appends. Rotated numbers are rounded to 16 bits as `punica_rotate_append` rounds them.
//
// Scores, weights and sums are float32. Groups are joined in a fixed order, and splits too: by whichever of a row's
// blocks is the last to arrive.
//
// Constants: PUNICA_BF16, PUNICA_HEADS (H), PUNICA_KV_HEADS (G), PUNICA_HEAD_SIZE (D, a multiple of 8, at most 256),
// PUNICA_BLOCK_SIZE (P).
//
// Launch, for a bucket of T rows: grid (splits, G · query parts, T), block 128; a query part is at most 8 of a group's
// heads. Blocks beyond the live count leave at once, and so do splits without positions.
#include "rotation.cuh"
#include "RowAttentionParams.h"

#ifndef PUNICA_HEADS
#define PUNICA_HEADS 32
#endif
#ifndef PUNICA_KV_HEADS
#define PUNICA_KV_HEADS 32
#endif
#ifndef PUNICA_HEAD_SIZE
#define PUNICA_HEAD_SIZE 128
#endif
#ifndef PUNICA_BLOCK_SIZE
#define PUNICA_BLOCK_SIZE 16
#endif

using namespace punica;

constexpr int heads = PUNICA_HEADS, kvHeads = PUNICA_KV_HEADS, headSize = PUNICA_HEAD_SIZE;
constexpr int blockSize = PUNICA_BLOCK_SIZE;
constexpr int halfSize = headSize / 2;
constexpr int group = heads / kvHeads;
constexpr int partHeads = group < 8 ? group : 8;
constexpr int queryParts = (group + partHeads - 1) / partHeads;
constexpr int usedLanes = headSize / 8;
constexpr int groupLanes = powerOfTwoFrom(usedLanes);
constexpr int threads = 128;
constexpr int groups = threads / groupLanes;
// Blocks of a multiprocessor, by the registers that they need.
constexpr int residentBlocks = partHeads == 1 ? 8 : partHeads == 2 ? 5 : partHeads <= 4 ? 4 : 2;
// Positions a group of lanes asks for at once.
constexpr int ahead = partHeads <= 2 ? 4 : 2;
// What a block takes from its row: queries, then its key and its value.
constexpr int keyRow = partHeads, valueRow = partHeads + 1;
constexpr int rounds = (partHeads + 2 + groups - 1) / groups;
// Output columns that a thread joins, so that every thread has something to do.
constexpr int evenShare = powerOfTwoFrom((partHeads * headSize + threads - 1) / threads);
constexpr int columns = evenShare < 8 ? evenShare : 8;
// Splits whose partials are asked for at once.
constexpr int splitsAhead = columns < 4 ? 8 : 4;
constexpr int partialSize = headSize + 4;
static_assert(headSize % 8 == 0 && groupLanes <= 32, "a lane reads 16 bytes of a head, and a head fits a warp");
static_assert(heads % kvHeads == 0, "every key has as many queries");

// Some columns of one query head's output, not yet divided by the sum of weights.
template <int count>
struct State {
    float largest = -infinity();
    float sum = 0;
    float output[count] = {};

    __device__ __forceinline__ void join(const State &other) {
        const float both = fmaxf(largest, other.largest);
        // Of two empty states there is no difference to take.
        const float base = both == -infinity() ? 0.0f : both;
        const float mine = exp2f(largest - base), theirs = exp2f(other.largest - base);
#pragma unroll
        for (int i = 0; i < count; i++) output[i] = fmaf(output[i], mine, other.output[i] * theirs);
        sum = fmaf(other.sum, theirs, sum * mine);
        largest = both;
    }
};

// What a lane reads of the positions that its group asks for at once.
struct Positions {
    uint4 key[ahead], value[ahead];
};

// Four neighbours of a head's lower half, and those that rope pairs them with.
struct Pairs {
    uint2 low, high;
};

struct Angles {
    float cosines[4], sines[4];
};

// Rotated queries, the rotated key and the value of the block's row.
struct Rows {
    __align__(16) element of[partHeads + 2][headSize];
};

// What groups leave to be joined.
struct Left {
    float output[groups][partHeads][headSize];
    float largest[groups][partHeads];
    float sum[groups][partHeads];
};

__device__ __forceinline__ int groupLane() { return threadIdx.x % groupLanes; }
__device__ __forceinline__ int groupNumber() { return threadIdx.x / groupLanes; }
// Of the 8 columns that a lane has of keys, values and queries.
__device__ __forceinline__ int laneColumn() { return groupLane() * 8; }
// Of the 4 columns of the lower half that a lane rotates, with those they are paired with.
__device__ __forceinline__ int pairColumn() { return groupLane() * 4; }
__device__ __forceinline__ bool isUsed() { return groupLane() < usedLanes; }

// What a block has to do: one row, some of one key/value head's queries, positions `from` ..< `to`.
struct Share {
    int row, kvHead, part, split;
    // The row's own position, and again if it is among the block's; otherwise -1.
    int position, own;
    // Those of the row that have positions.
    int splits;
    int from, to;

    __device__ __forceinline__ explicit Share(const RowAttentionParams &p)
        : row(blockIdx.z), kvHead(blockIdx.y / queryParts), part(blockIdx.y % queryParts), split(blockIdx.x),
          position(p.positions[row]) {
        const int end = position + 1;
        const int first = p.window > 0 && end > p.window ? end - p.window : 0;
        const int length = ((end - first + p.splits - 1) / p.splits + groups - 1) / groups * groups;
        splits = (end - first + length - 1) / length;
        from = first + split * length;
        to = min(from + length, end);
        own = to == end ? position : -1;
    }

    __device__ __forceinline__ bool isEmpty() const { return from >= to; }
    __device__ __forceinline__ int firstHead() const { return kvHead * group + part * partHeads; }
    __device__ __forceinline__ int liveHeads() const { return min(partHeads, group - part * partHeads); }
};

// The cache of a layer for one key/value head.
struct HeadCache {
    char *keys;
    int64_t blockStride;
    // From a key to its value.
    static constexpr int64_t toValue = static_cast<int64_t>(kvHeads) * blockSize * headSize;

    __device__ __forceinline__ HeadCache(const RowAttentionParams &p, int kvHead)
        : keys(static_cast<char *>(p.cache) + static_cast<int64_t>(kvHead) * blockSize * headSize * sizeof(element)),
          blockStride(p.blockStride) {}

    __device__ __forceinline__ element *key(int block, int offset) const {
        return reinterpret_cast<element *>(keys + block * blockStride) + offset * headSize;
    }
};

__device__ __forceinline__ void unpack(const uint4 &raw, float (&values)[8]) {
    const unsigned words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const float2 two = toFloats(words[i]);
        values[2 * i] = two.x;
        values[2 * i + 1] = two.y;
    }
}

// The positions from `base` on that are in the cache since earlier steps.
__device__ __forceinline__ void fetchOld(
    Positions &x, const Share &share, const HeadCache &cache, const int *pages, int base) {
    int blocks[ahead];
#pragma unroll
    for (int u = 0; u < ahead; u++) {
        const int position = base + u * groups + groupNumber();
        const bool isThere = isUsed() && position < min(share.to, share.position);
        blocks[u] = isThere ? pages[position / blockSize] : -1;
    }
#pragma unroll
    for (int u = 0; u < ahead; u++) {
        if (blocks[u] < 0) continue;
        const int position = base + u * groups + groupNumber();
        const element *key = cache.key(blocks[u], position % blockSize) + laneColumn();
        x.key[u] = __ldcg(reinterpret_cast<const uint4 *>(key));
        x.value[u] = __ldcg(reinterpret_cast<const uint4 *>(key + cache.toValue));
    }
}

// The row's own position, if it is among those from `base` on.
__device__ __forceinline__ void fetchOwn(Positions &x, const Share &share, const Rows &rows, int base) {
#pragma unroll
    for (int u = 0; u < ahead; u++) {
        if (base + u * groups + groupNumber() != share.own || !isUsed()) continue;
        x.key[u] = *reinterpret_cast<const uint4 *>(rows.of[keyRow] + laneColumn());
        x.value[u] = *reinterpret_cast<const uint4 *>(rows.of[valueRow] + laneColumn());
    }
}

__device__ __forceinline__ Angles loadAngles(const RowAttentionParams &p, int position) {
    Angles angles = {};
    if (isUsed()) {
        const int64_t first = static_cast<int64_t>(position) * halfSize + pairColumn();
        loadFloats(angles.cosines, p.cosines + first);
        loadFloats(angles.sines, p.sines + first);
    }
    return angles;
}

__device__ __forceinline__ Pairs rotatedPairs(const Pairs &x, const Angles &angles) {
    const unsigned lows[2] = {x.low.x, x.low.y}, highs[2] = {x.high.x, x.high.y};
    unsigned low[2], high[2];
#pragma unroll
    for (int i = 0; i < 2; i++) {
        const float2 a = toFloats(lows[i]), b = toFloats(highs[i]);
        const float *cosines = angles.cosines + 2 * i, *sines = angles.sines + 2 * i;
        low[i] = toPair(rotated(a.x, b.x, cosines[0], -sines[0]), rotated(a.y, b.y, cosines[1], -sines[1]));
        high[i] = toPair(rotated(b.x, a.x, cosines[0], sines[0]), rotated(b.y, a.y, cosines[1], sines[1]));
    }
    return {make_uint2(low[0], low[1]), make_uint2(high[0], high[1])};
}

__device__ __forceinline__ void storePairs(element *head, const Pairs &x) {
    *reinterpret_cast<uint2 *>(head + pairColumn()) = x.low;
    *reinterpret_cast<uint2 *>(head + pairColumn() + halfSize) = x.high;
}

// Rotates the block's queries, and its key if the row's own position is its affair; that key and its value are appended
// by the first query part. A group of lanes makes one row at a time.
__device__ __forceinline__ void makeRows(
    Rows &rows, const RowAttentionParams &p, const Share &share, const HeadCache &cache, const Angles &angles,
    int kvPosition) {
    const element *source = static_cast<const element *>(p.qkv) + static_cast<int64_t>(share.row) * p.pitch;
    const int count = !isUsed() ? 0 : share.own >= 0 ? partHeads + 2 : share.liveHeads();
    Pairs made[rounds] = {};
#pragma unroll
    for (int i = 0; i < rounds; i++) {
        const int r = i * groups + groupNumber();
        if (r >= count) continue;
        const int head = r < keyRow ? share.firstHead() + r : heads + (r - keyRow) * kvHeads + share.kvHead;
        made[i].low = *reinterpret_cast<const uint2 *>(source + head * headSize + pairColumn());
        made[i].high = *reinterpret_cast<const uint2 *>(source + head * headSize + pairColumn() + halfSize);
    }
#pragma unroll
    for (int i = 0; i < rounds; i++) {
        const int r = i * groups + groupNumber();
        if (r >= count) continue;
        if (r != valueRow) made[i] = rotatedPairs(made[i], angles);
        storePairs(rows.of[r], made[i]);
        if (r < keyRow || share.part > 0 || kvPosition < 0) continue;
        storePairs(cache.key(kvPosition / blockSize, kvPosition % blockSize) + (r - keyRow) * cache.toValue, made[i]);
    }
}

// Takes what is held of the positions from `base` on into the states.
__device__ __forceinline__ void attend(
    State<8> (&states)[partHeads], const float (&queries)[partHeads][8], const Positions &held, const Share &share,
    int base, float scale) {
    float scores[partHeads][ahead];
#pragma unroll
    for (int u = 0; u < ahead; u++) {
        float k[8];
        unpack(held.key[u], k);
        const bool isSeen = base + u * groups + groupNumber() < share.to;
#pragma unroll
        for (int h = 0; h < partHeads; h++) {
            float dot = 0;
#pragma unroll
            for (int i = 0; i < 8; i++) dot += queries[h][i] * k[i];
            dot = warpSum<groupLanes>(dot);
            scores[h][u] = isSeen ? dot * scale : -infinity();
        }
    }
#pragma unroll
    for (int h = 0; h < partHeads; h++) {
        float largest = states[h].largest;
#pragma unroll
        for (int u = 0; u < ahead; u++) largest = fmaxf(largest, scores[h][u]);
        const float keep = largest == -infinity() ? 1.0f : exp2f(states[h].largest - largest);
        states[h].largest = largest;
        states[h].sum *= keep;
#pragma unroll
        for (int i = 0; i < 8; i++) states[h].output[i] *= keep;
#pragma unroll
        for (int u = 0; u < ahead; u++) {
            scores[h][u] = largest == -infinity() ? 0.0f : exp2f(scores[h][u] - largest);
            states[h].sum += scores[h][u];
        }
    }
#pragma unroll
    for (int u = 0; u < ahead; u++) {
        float v[8];
        unpack(held.value[u], v);
#pragma unroll
        for (int h = 0; h < partHeads; h++) {
#pragma unroll
            for (int i = 0; i < 8; i++) states[h].output[i] += scores[h][u] * v[i];
        }
    }
}

__device__ __forceinline__ void leave(Left &left, const State<8> (&states)[partHeads]) {
    const int number = groupNumber();
#pragma unroll
    for (int h = 0; h < partHeads; h++) {
        if (isUsed()) {
#pragma unroll
            for (int i = 0; i < 8; i++) left.output[number][h][laneColumn() + i] = states[h].output[i];
        }
        if (groupLane() == 0) {
            left.largest[number][h] = states[h].largest;
            left.sum[number][h] = states[h].sum;
        }
    }
}

__device__ __forceinline__ State<columns> joinGroups(const Left &left, int h, int column) {
    State<columns> all;
#pragma unroll 8
    for (int g = 0; g < groups; g++) {
        State<columns> one;
        one.largest = left.largest[g][h];
        one.sum = left.sum[g][h];
#pragma unroll
        for (int i = 0; i < columns; i++) one.output[i] = left.output[g][h][column + i];
        all.join(one);
    }
    return all;
}

__device__ __forceinline__ void storePartial(float *partial, int column, const State<columns> &state) {
    if constexpr (columns % 4 == 0) {
#pragma unroll
        for (int i = 0; i < columns; i += 4) {
            *reinterpret_cast<float4 *>(partial + column + i) =
                make_float4(state.output[i], state.output[i + 1], state.output[i + 2], state.output[i + 3]);
        }
    } else {
#pragma unroll
        for (int i = 0; i < columns; i++) partial[column + i] = state.output[i];
    }
    if (column == 0) *reinterpret_cast<float2 *>(partial + headSize) = make_float2(state.largest, state.sum);
}

// From the second cache, where other blocks have left it.
__device__ __forceinline__ State<columns> loadPartial(const float *partial, int column) {
    State<columns> state;
    if constexpr (columns % 4 == 0) {
#pragma unroll
        for (int i = 0; i < columns; i += 4) {
            const float4 four = __ldcg(reinterpret_cast<const float4 *>(partial + column + i));
            state.output[i] = four.x;
            state.output[i + 1] = four.y;
            state.output[i + 2] = four.z;
            state.output[i + 3] = four.w;
        }
    } else {
#pragma unroll
        for (int i = 0; i < columns; i++) state.output[i] = __ldcg(partial + column + i);
    }
    const float2 two = __ldcg(reinterpret_cast<const float2 *>(partial + headSize));
    state.largest = two.x;
    state.sum = two.y;
    return state;
}

__device__ __forceinline__ State<columns> joinSplits(const float *partials, int splits, int column) {
    State<columns> all;
    for (int base = 0; base < splits; base += splitsAhead) {
        State<columns> some[splitsAhead];
#pragma unroll
        for (int i = 0; i < splitsAhead; i++) {
            if (base + i < splits) some[i] = loadPartial(partials + (base + i) * partialSize, column);
        }
#pragma unroll
        for (int i = 0; i < splitsAhead; i++) all.join(some[i]);
    }
    return all;
}

// Whether this block is the last of `count` to come here; to its threads all that the others stored before is there.
__device__ __forceinline__ bool arrivesLast(uint32_t *arrivals, uint32_t count) {
    __syncthreads();
    bool isLast = false;
    if (threadIdx.x == 0) {
        // The last one's increment leaves zero, for the next launch.
        uint32_t before;
        asm volatile("atom.acq_rel.gpu.global.inc.u32 %0, [%1], %2;"
                     : "=r"(before)
                     : "l"(arrivals), "r"(count - 1)
                     : "memory");
        isLast = before == count - 1;
    }
    return __syncthreads_or(isLast);
}

__device__ __forceinline__ void storeOutput(element *head, int column, const State<columns> &state) {
    float values[columns];
#pragma unroll
    for (int i = 0; i < columns; i++) values[i] = state.output[i] / state.sum;
    store(head + column, values);
}

extern "C" __global__ void __launch_bounds__(threads, residentBlocks)
    punica_append_attend(const __grid_constant__ RowAttentionParams p) {
    __shared__ Rows rows;
    __shared__ Left left;
    releaseSuccessor();
    if (blockIdx.z >= *p.rowCount) return waitForPredecessor();
    const Share share(p);
    if (share.isEmpty()) return waitForPredecessor();
    const HeadCache cache(p, share.kvHead);
    const int *pages = p.pageIndices + p.pageStarts[p.rowSequences[share.row]];
    // Earlier steps left all positions but the row's own, so the first of them come while the kernel before still runs.
    Positions held = {};
    fetchOld(held, share, cache, pages, share.from);
    const Angles angles = loadAngles(p, share.position);
    const int kvPosition = p.kvPositions[share.row];
    waitForPredecessor();

    makeRows(rows, p, share, cache, angles, kvPosition);
    __syncthreads();
    float queries[partHeads][8];
#pragma unroll
    for (int h = 0; h < partHeads; h++) {
        uint4 raw = {};
        if (isUsed() && h < share.liveHeads()) raw = *reinterpret_cast<const uint4 *>(rows.of[h] + laneColumn());
        unpack(raw, queries[h]);
    }
    State<8> states[partHeads];
    for (int base = share.from; base < share.to; base += groups * ahead) {
        if (base > share.from) {
            held = {};
            fetchOld(held, share, cache, pages, base);
        }
        fetchOwn(held, share, rows, base);
        attend(states, queries, held, share, base, p.scale);
    }
    leave(left, states);
    __syncthreads();

    constexpr int itemsOfHead = headSize / columns;
    const int64_t firstHead = static_cast<int64_t>(share.row) * heads + share.firstHead();
    element *output = static_cast<element *>(p.output) + firstHead * headSize;
    float *partials = p.partials + firstHead * p.splits * partialSize;
    for (int item = threadIdx.x; item < share.liveHeads() * itemsOfHead; item += threads) {
        const int h = item / itemsOfHead, column = item % itemsOfHead * columns;
        const State<columns> all = joinGroups(left, h, column);
        if (share.splits == 1) storeOutput(output + h * headSize, column, all);
        else storePartial(partials + (h * p.splits + share.split) * partialSize, column, all);
    }
    if (share.splits == 1) return;
    if (!arrivesLast(p.arrivals + share.row * gridDim.y + blockIdx.y, share.splits)) return;
    for (int item = threadIdx.x; item < share.liveHeads() * itemsOfHead; item += threads) {
        const int h = item / itemsOfHead, column = item % itemsOfHead * columns;
        const State<columns> all = joinSplits(partials + h * p.splits * partialSize, share.splits, column);
        storeOutput(output + h * headSize, column, all);
    }
}
