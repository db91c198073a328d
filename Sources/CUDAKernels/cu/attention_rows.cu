// Attention of single query rows over the paged cache: decode, and prefill where rows are few.
//
//     punica_attend_rows    o[t, h] = softmax(q[t, h] · Kᵀ / sqrt(D)) · V over positions 0 ... positions[t]
//     punica_attend_merge   joins the splits of a row
//
// A block has one row, one key/value head with all its query heads, and one split of the positions; a group of D / 8
// neighbouring lanes reads a position's key and value, 16 bytes a lane, several positions ahead. Scores, weights and
// sums are float32; splits and groups are joined in a fixed order.
//
// Constants: PUNICA_BF16, PUNICA_HEADS (H), PUNICA_KV_HEADS (G), PUNICA_HEAD_SIZE (D, a multiple of 8, at most 256),
// PUNICA_BLOCK_SIZE (P).
//
// Launches, for a bucket of T rows; blocks beyond the live count leave at once:
//     punica_attend_rows    grid (splits, G · query parts, T), block 128; a query part is at most 8 of a group's heads
//     punica_attend_merge   grid (H, T), block 32; not needed for one split
#include "common.cuh"
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
constexpr int group = heads / kvHeads;
constexpr int partHeads = group < 8 ? group : 8;
constexpr int queryParts = (group + partHeads - 1) / partHeads;
constexpr int usedLanes = headSize / 8;
constexpr int groupLanes = powerOfTwoFrom(usedLanes);
constexpr int threads = 128;
constexpr int groups = threads / groupLanes;
// Positions a group of lanes asks for at once.
constexpr int ahead = partHeads <= 2 ? 4 : 2;
static_assert(headSize % 8 == 0 && groupLanes <= 32, "a lane reads 16 bytes of a head, and a head fits a warp");
static_assert(heads % kvHeads == 0, "every key has as many queries");

// What a group of lanes knows of one query head.
struct State {
    float largest = -infinity();
    float sum = 0;
    float output[8] = {};

    __device__ void join(float otherLargest, float otherSum, const float *other) {
        const float both = fmaxf(largest, otherLargest);
        if (both == -infinity()) return;
        const float mine = exp2f(largest - both), theirs = exp2f(otherLargest - both);
#pragma unroll
        for (int i = 0; i < 8; i++) output[i] = output[i] * mine + other[i] * theirs;
        sum = sum * mine + otherSum * theirs;
        largest = both;
    }
};

// What a lane reads of the positions that its group asks for at once.
struct Positions {
    uint4 key[ahead], value[ahead];
};

struct Shared {
    float output[groups][partHeads][headSize];
    float largest[groups][partHeads];
    float sum[groups][partHeads];
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

extern "C" __global__ void __launch_bounds__(threads)
    punica_attend_rows(const __grid_constant__ RowAttentionParams p) {
    const int t = blockIdx.z, split = blockIdx.x;
    const int kvHead = blockIdx.y / queryParts, firstHead = kvHead * group + blockIdx.y % queryParts * partHeads;
    releaseSuccessor();
    if (t >= *p.rowCount) {
        waitForPredecessor();
        return;
    }
    const int end = p.positions[t] + 1;
    const int first = p.window > 0 && end > p.window ? end - p.window : 0;
    const int length = ((end - first + p.splits - 1) / p.splits + groups - 1) / groups * groups;
    const int from = first + split * length, to = min(from + length, end);
    const int groupLane = threadIdx.x % groupLanes, number = threadIdx.x / groupLanes;
    const bool isUsed = groupLane < usedLanes;
    const int *pages = p.pageIndices + p.pageStarts[p.rowSequences[t]];
    const char *keys = static_cast<const char *>(p.cache)
        + (static_cast<int64_t>(kvHead) * blockSize * headSize + groupLane * 8) * sizeof(element);
    constexpr int64_t toValues = static_cast<int64_t>(kvHeads) * blockSize * headSize * sizeof(element);

    const auto fetch = [&](Positions &x, int base, int from, int to) {
#pragma unroll
        for (int u = 0; u < ahead; u++) {
            const int position = base + u * groups + number;
            if (position < from || position >= to || !isUsed) continue;
            const char *place = keys + pages[position / blockSize] * p.blockStride
                + static_cast<int64_t>(position % blockSize) * headSize * sizeof(element);
            x.key[u] = __ldcg(reinterpret_cast<const uint4 *>(place));
            x.value[u] = __ldcg(reinterpret_cast<const uint4 *>(place + toValues));
        }
    };
    // Earlier steps left all positions but the row's own, so the first of them come while the kernel before still runs.
    Positions held = {};
    fetch(held, from, from, min(to, end - 1));
    waitForPredecessor();
    fetch(held, from, end - 1, to);

    float queries[partHeads][8];
    const element *row = static_cast<const element *>(p.qkv) + static_cast<int64_t>(t) * p.pitch;
#pragma unroll
    for (int h = 0; h < partHeads; h++) {
        if (isUsed && firstHead + h < (kvHead + 1) * group) {
            load(queries[h], row + (firstHead + h) * headSize + groupLane * 8);
        } else {
#pragma unroll
            for (int i = 0; i < 8; i++) queries[h][i] = 0;
        }
    }
    State states[partHeads];
    for (int base = from; base < to; base += groups * ahead) {
        if (base > from) {
            held = {};
            fetch(held, base, from, to);
        }
        float scores[partHeads][ahead];
#pragma unroll
        for (int u = 0; u < ahead; u++) {
            float k[8];
            unpack(held.key[u], k);
            const bool isSeen = base + u * groups + number < to;
#pragma unroll
            for (int h = 0; h < partHeads; h++) {
                float dot = 0;
#pragma unroll
                for (int i = 0; i < 8; i++) dot += queries[h][i] * k[i];
                dot = warpSum<groupLanes>(dot);
                scores[h][u] = isSeen ? dot * p.scale : -infinity();
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

    __shared__ Shared shared;
#pragma unroll
    for (int h = 0; h < partHeads; h++) {
        if (isUsed) {
#pragma unroll
            for (int i = 0; i < 8; i++) shared.output[number][h][groupLane * 8 + i] = states[h].output[i];
        }
        if (groupLane == 0) {
            shared.largest[number][h] = states[h].largest;
            shared.sum[number][h] = states[h].sum;
        }
    }
    __syncthreads();
    for (int place = threadIdx.x; place < partHeads * usedLanes; place += threads) {
        const int h = place / usedLanes, column = place % usedLanes * 8, head = firstHead + h;
        if (head >= (kvHead + 1) * group) continue;
        State all;
        for (int g = 0; g < groups; g++) all.join(shared.largest[g][h], shared.sum[g][h], &shared.output[g][h][column]);
        if (p.splits == 1) {
            float values[8];
#pragma unroll
            for (int i = 0; i < 8; i++) values[i] = all.output[i] / all.sum;
            store(static_cast<element *>(p.output) + (static_cast<int64_t>(t) * heads + head) * headSize + column, values);
        } else {
            float *partial =
                p.partials + ((static_cast<int64_t>(t) * heads + head) * p.splits + split) * (headSize + 2);
#pragma unroll
            for (int i = 0; i < 8; i++) partial[column + i] = all.output[i];
            if (column == 0) {
                partial[headSize] = all.largest;
                partial[headSize + 1] = all.sum;
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(32)
    punica_attend_merge(const __grid_constant__ RowAttentionParams p) {
    const int head = blockIdx.x, t = blockIdx.y;
    releaseAndWait();
    if (t >= *p.rowCount) return;
    const float *partials =
        p.partials + (static_cast<int64_t>(t) * heads + head) * p.splits * (headSize + 2);
    for (int column = threadIdx.x * 8; column < headSize; column += 32 * 8) {
        State all;
        for (int split = 0; split < p.splits; split++) {
            const float *partial = partials + split * (headSize + 2);
            all.join(partial[headSize], partial[headSize + 1], partial + column);
        }
        float values[8];
#pragma unroll
        for (int i = 0; i < 8; i++) values[i] = all.output[i] / all.sum;
        store(static_cast<element *>(p.output) + (static_cast<int64_t>(t) * heads + head) * headSize + column, values);
    }
}
