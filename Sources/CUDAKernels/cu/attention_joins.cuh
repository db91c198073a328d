// How attention of single rows joins what groups of lanes know, and then what blocks know of a row's splits and hand over;
// each in a fixed order.
#pragma once

#include "attention_states.cuh"

namespace punica {

// Output columns that a thread joins, so that every thread has something to do.
constexpr int evenShare = powerOfTwoFrom((partHeads * headSize + threads - 1) / threads);
constexpr int columns = evenShare < 8 ? evenShare : 8;
constexpr int itemsOfHead = headSize / columns;
// As RowAttention.swift has them: an output's numbers, then its weight and room that makes 16 bytes of it.
constexpr int mostSplits = 16;
constexpr int partialSize = headSize + 4;
static_assert(partHeads * mostSplits <= threads, "a thread has a head and a split");

// What groups leave to be joined.
struct Left {
    float output[groups][partHeads][headSize];
    Weight weight[groups][partHeads];
};

// What each split's output counts for, the division by the sum of weights included.
struct Factors {
    float of[partHeads][mostSplits];
};

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

}  // namespace punica
