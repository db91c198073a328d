// Scores and online softmax of a row's query heads, over the positions that a group of lanes holds: what is known of an
// output while position after position is taken in.
#pragma once

#include "attention_rows.cuh"

namespace punica {

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

}  // namespace punica
