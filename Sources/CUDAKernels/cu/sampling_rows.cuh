// How kernels that choose tokens cut a row up, and the largest logit of parts of it; see sampling.cu.
#pragma once

#include "common.cuh"
#include "SamplingParams.h"

#ifndef PUNICA_VOCABULARY
#define PUNICA_VOCABULARY 32000
#endif
#ifndef PUNICA_LOGITS_F32
#define PUNICA_LOGITS_F32 1
#endif

using namespace punica;

constexpr int vocabulary = PUNICA_VOCABULARY;
constexpr int chunk = 256, chunkLanes = 8;
constexpr int chunks = (vocabulary + chunk - 1) / chunk;
constexpr int partThreads = 256, partChunks = partThreads / chunkLanes;
constexpr int parts = (chunks + partChunks - 1) / partChunks;
constexpr int rowThreads = 1024;
constexpr int nothing = 0x7fffffff;
static_assert(vocabulary >= 1 && parts <= 32, "the parts of a row fit a warp");

#if PUNICA_LOGITS_F32
using Logit = float;
__device__ __forceinline__ float widen(float logit) { return logit; }
#else
using Logit = element;
__device__ __forceinline__ float widen(element logit) { return toFloat(logit); }
#endif

// The largest value and, of equals, the lowest token; NaN and -infinity are passed over.
struct Largest {
    float value = -infinity();
    int token = nothing;

    __device__ __forceinline__ void see(float logit, int id) {
        if (logit > value || (logit == value && id < token && logit > -infinity())) {
            value = logit;
            token = id;
        }
    }
};

template <int width = 32>
__device__ __forceinline__ Largest warpLargest(Largest x) {
#pragma unroll
    for (int distance = width / 2; distance > 0; distance /= 2) {
        const float value = __shfl_xor_sync(allLanes, x.value, distance);
        const int token = __shfl_xor_sync(allLanes, x.token, distance);
        x.see(value, token);
    }
    return x;
}

// Over a block, in every thread; ends with the room free for other use.
template <int threads>
__device__ __forceinline__ Largest blockLargest(Largest x, SampleLargest *room) {
    constexpr int warps = threads / 32;
    x = warpLargest(x);
    if (lane() == 0) room[warp()] = {x.value, x.token};
    __syncthreads();
    Largest all;
    if (lane() < warps) all.see(room[lane()].value, room[lane()].token);
    __syncthreads();
    return warpLargest(all);
}

constexpr int partValues = partChunks * chunk / partThreads;

// A thread's logits of a part, `partThreads` apart; -infinity behind the row's end.
struct PartValues {
    float values[partValues];

    template <class Read>
    __device__ __forceinline__ void read(int start, const Read &logit) {
#pragma unroll
        for (int i = 0; i < partValues; i++) {
            const int token = start + i * partThreads;
            values[i] = -infinity();
            if (token < vocabulary) values[i] = logit(token);
        }
    }

    __device__ __forceinline__ Largest largest(int start) const {
        Largest result;
#pragma unroll
        for (int i = 0; i < partValues; i++) result.value = fmaxf(result.value, values[i]);
#pragma unroll
        for (int i = partValues - 1; i >= 0; i--) {
            if (values[i] == result.value) result.token = start + i * partThreads;
        }
        if (!(result.value > -infinity())) result.token = nothing;
        return result;
    }
};

// Of all parts of a row, in each lane of a warp.
__device__ __forceinline__ Largest rowLargest(const SampleLargest *partLargest, int row) {
    Largest largest;
    if (lane() < parts) {
        const SampleLargest one = partLargest[row * parts + lane()];
        largest.see(one.value, one.token);
    }
    return warpLargest(largest);
}

// The chosen token, for the next step and for the host.
template <class Params>
__device__ __forceinline__ void tell(const Params &p, int row, int token) {
    p.tokens[row] = token;
    p.hostTokens[row] = token;
}
