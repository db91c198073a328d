// Attention of single query rows over the paged cache, with the rotation and the append before it: decode steps, and
// sequences of one row in other steps, beside the tiles of the others.
//
//     punica_append_attend   cache ← rope(k[t]), v[t], which are q, k and v with the updates that lie apart from them
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
// Launch, for T rows of the step, one place each: grid (splits, G · query parts, T), block 128. Splits are at most 16,
// and a query part is at most 8 of a group's heads. Blocks beyond the live count leave at once, and so do splits without positions.
#include "attention_rows.cuh"

using namespace punica;

// Blocks of a multiprocessor, by the registers that they need.
constexpr int residentBlocks = partHeads == 1 ? 8 : partHeads == 2 ? 5 : partHeads <= 4 ? 4 : 2;
// Output columns that a thread joins, so that every thread has something to do.
constexpr int evenShare = powerOfTwoFrom((partHeads * headSize + threads - 1) / threads);
constexpr int columns = evenShare < 8 ? evenShare : 8;
constexpr int itemsOfHead = headSize / columns;
constexpr int mostSplits = 16;
constexpr int partialSize = headSize + 4;
static_assert(partHeads * mostSplits <= threads, "a thread has a head and a split");

// 2^x; zero where that is no normal number.
__device__ __forceinline__ float power(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// The largest score of some positions, and the sum of their weights relative to it.
struct __align__(8) Weight {
    float largest, sum;
};

// What is known of one query head's output, for some of its columns: not yet divided by the sum of weights.
template <int count>
struct State {
    Weight weight = {-infinity(), 0};
    float output[count] = {};

    // Adds another's sums, whose largest score is at most this one's.
    __device__ __forceinline__ void add(const Weight &otherWeight, const float (&other)[count]) {
        // Of two empty states there is no difference to take.
        const float factor = weight.largest == -infinity() ? 0.0f : power(otherWeight.largest - weight.largest);
        weight.sum = fmaf(factor, otherWeight.sum, weight.sum);
#pragma unroll
        for (int i = 0; i < count; i++) output[i] = fmaf(factor, other[i], output[i]);
    }
};

// What groups leave to be joined.
struct Left {
    float output[groups][partHeads][headSize];
    Weight weight[groups][partHeads];
};

// What each split's output counts for, the division by the sum of weights included.
struct Factors {
    float of[partHeads][mostSplits];
};

// Takes what is held of the positions from `base` on into the states.
__device__ __forceinline__ void attend(
    State<8> (&states)[partHeads], const float (&queries)[partHeads][8], const Positions &held, const Share &share,
    int base, float scale) {
    float scores[partHeads][ahead];
#pragma unroll
    for (int u = 0; u < ahead; u++) {
        float k[8];
        unpack(k, held.key[u]);
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
        float largest = states[h].weight.largest;
#pragma unroll
        for (int u = 0; u < ahead; u++) largest = fmaxf(largest, scores[h][u]);
        const float keep = largest == -infinity() ? 1.0f : power(states[h].weight.largest - largest);
        states[h].weight.largest = largest;
        states[h].weight.sum *= keep;
#pragma unroll
        for (int i = 0; i < 8; i++) states[h].output[i] *= keep;
#pragma unroll
        for (int u = 0; u < ahead; u++) {
            scores[h][u] = largest == -infinity() ? 0.0f : power(scores[h][u] - largest);
            states[h].weight.sum += scores[h][u];
        }
    }
#pragma unroll
    for (int u = 0; u < ahead; u++) {
        float v[8];
        unpack(v, held.value[u]);
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
        if (groupLane() == 0) left.weight[number][h] = states[h].weight;
    }
}

__device__ __forceinline__ State<columns> joinGroups(const Left &left, int h, int column) {
    State<columns> all;
#pragma unroll 8
    for (int g = 0; g < groups; g++) all.weight.largest = fmaxf(all.weight.largest, left.weight[g][h].largest);
#pragma unroll 8
    for (int g = 0; g < groups; g++) {
        float output[columns];
#pragma unroll
        for (int i = 0; i < columns; i++) output[i] = left.output[g][h][column + i];
        all.add(left.weight[g][h], output);
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
    if (column == 0) *reinterpret_cast<Weight *>(partial + headSize) = state.weight;
}

// From the second cache, where other blocks have left it.
__device__ __forceinline__ void loadPartial(float (&output)[columns], const float *partial, int column) {
    if constexpr (columns % 4 == 0) {
#pragma unroll
        for (int i = 0; i < columns; i += 4) {
            const float4 four = __ldcg(reinterpret_cast<const float4 *>(partial + column + i));
            output[i] = four.x;
            output[i + 1] = four.y;
            output[i + 2] = four.z;
            output[i + 3] = four.w;
        }
    } else {
#pragma unroll
        for (int i = 0; i < columns; i++) output[i] = __ldcg(partial + column + i);
    }
}

// All splits of some columns, asked for at once.
__device__ __forceinline__ void loadPartials(
    float (&outputs)[mostSplits][columns], const float *partials, int splits, int column) {
#pragma unroll
    for (int i = 0; i < mostSplits; i++) {
        if (i < splits) loadPartial(outputs[i], partials + i * partialSize, column);
    }
}

// A thread has a head and a split; all threads take part.
__device__ __forceinline__ void makeFactors(Factors &factors, const float *partials, int pitch, const Share &share) {
    const int h = threadIdx.x / mostSplits, split = threadIdx.x % mostSplits;
    Weight weight = {-infinity(), 0};
    if (h < share.liveHeads() && split < share.splits) {
        const float *place = partials + h * pitch + split * partialSize + headSize;
        const float2 two = __ldcg(reinterpret_cast<const float2 *>(place));
        weight = {two.x, two.y};
    }
    float largest = weight.largest;
#pragma unroll
    for (int distance = mostSplits / 2; distance > 0; distance /= 2) {
        largest = fmaxf(largest, __shfl_xor_sync(allLanes, largest, distance));
    }
    const float factor = largest == -infinity() ? 0.0f : power(weight.largest - largest);
    const float sum = warpSum<mostSplits>(factor * weight.sum);
    if (h < partHeads) factors.of[h][split] = factor / sum;
}

// Whether this block is the last of `count` to come here; its threads then see all that the others stored before.
__device__ __forceinline__ bool arrivesLast(uint32_t *arrivals, uint32_t count) {
    __syncthreads();
    bool isLast = false;
    if (threadIdx.x == 0) {
        // The barriers extend its release to the block's stores before, its acquire to the block's loads after. The
        // last one's increment leaves zero, for the next launch.
        uint32_t before;
        asm volatile("atom.acq_rel.gpu.global.inc.u32 %0, [%1], %2;"
                     : "=r"(before)
                     : "l"(arrivals), "r"(count - 1)
                     : "memory");
        isLast = before == count - 1;
    }
    return __syncthreads_or(isLast);
}

// The output of the block's heads from the partials of all splits.
__device__ __forceinline__ void joinSplits(
    element *output, const float *partials, int pitch, const Share &share, Factors &factors) {
    const int items = share.liveHeads() * itemsOfHead;
    float outputs[mostSplits][columns] = {};
    const auto load = [&](int item) {
        loadPartials(outputs, partials + item / itemsOfHead * pitch, share.splits, item % itemsOfHead * columns);
    };
    // On their way while the factors are made.
    if (threadIdx.x < items) load(threadIdx.x);
    makeFactors(factors, partials, pitch, share);
    __syncthreads();
    for (int item = threadIdx.x; item < items; item += threads) {
        if (item >= threads) load(item);
        float values[columns] = {};
#pragma unroll
        for (int i = 0; i < mostSplits; i++) {
#pragma unroll
            for (int j = 0; j < columns; j++) {
                values[j] = fmaf(factors.of[item / itemsOfHead][i], outputs[i][j], values[j]);
            }
        }
        store(output + item * columns, values);
    }
}

extern "C" __global__ void __launch_bounds__(threads, residentBlocks)
    punica_append_attend(const __grid_constant__ RowAttentionParams p) {
    __shared__ Rows rows;
    __shared__ Left left;
    __shared__ Factors factors;
    releaseSuccessor();
    if (!p.followsRows) seeWhatIsThere();
    const Share share(p);
    const int firstPage = p.rowPages[share.row], kvPosition = p.kvPositions[share.row];
    if (share.row >= *p.rowCount || share.isEmpty()) return waitForPredecessor();
    const HeadCache cache(p, share.kvHead);
    const int *pages = p.pageIndices + firstPage;
    // Earlier steps left all positions but the row's own, so the first of them come while the kernel before still runs.
    Positions held = {};
    fetchOld(held, share, cache, pages, share.from);
    const Angles angles = loadAngles(p, share.position);
    const element *updates = updatesOfRow(p.updates, share.row, static_cast<int64_t>(share.row) * p.pitch);
    if (p.followsRows) waitForPredecessor();

    makeRows(rows, p, share, cache, angles, kvPosition, updates);
    __syncthreads();
    float queries[partHeads][8];
#pragma unroll
    for (int h = 0; h < partHeads; h++) {
        uint4 raw = {};
        if (isUsed() && h < share.liveHeads()) raw = *reinterpret_cast<const uint4 *>(rows.of[h] + laneColumn());
        unpack(queries[h], raw);
    }
    State<8> states[partHeads];
    for (int base = share.from; base < share.to; base += atOnce) {
        if (base > share.from) {
            held = {};
            fetchOld(held, share, cache, pages, base);
        }
        fetchOwn(held, share, rows, base);
        attend(states, queries, held, share, base, p.scale);
    }
    leave(left, states);
    __syncthreads();
    if (!p.followsRows) waitForPredecessor();

    const int64_t firstPlace = static_cast<int64_t>(blockIdx.z) * heads + share.firstHead();
    const int pitch = p.splits * partialSize, items = share.liveHeads() * itemsOfHead;
    element *output = static_cast<element *>(p.output) + static_cast<int64_t>(share.row) * p.outputPitch
        + share.firstHead() * headSize;
    float *partials = p.partials + firstPlace * pitch;
    for (int item = threadIdx.x; item < items; item += threads) {
        const int h = item / itemsOfHead, column = item % itemsOfHead * columns;
        State<columns> all = joinGroups(left, h, column);
        if (share.splits == 1) {
#pragma unroll
            for (int i = 0; i < columns; i++) all.output[i] /= all.weight.sum;
            store(output + h * headSize + column, all.output);
        } else {
            storePartial(partials + h * pitch + share.split * partialSize, column, all);
        }
    }
    if (share.splits == 1) return;
    if (!arrivesLast(p.arrivals + blockIdx.z * gridDim.y + blockIdx.y, share.splits)) return;
    joinSplits(output, partials, pitch, share, factors);
}
