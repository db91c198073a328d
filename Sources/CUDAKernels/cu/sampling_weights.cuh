// Weights of a row's tokens, their sums, and where a draw falls among them; see sampling.cu.
#pragma once

#include "sampling_rows.cuh"

// The host's exponential, step by step: no product may be fused into a sum.
__device__ __forceinline__ float exponential(float x) {
    constexpr float shifter = 12582912.0f;
    const float shifted = __fadd_rn(__fmul_rn(x, 1.44269504f), shifter);
    const float n = __fsub_rn(shifted, shifter);
    const float r = __fadd_rn(__fsub_rn(x, __fmul_rn(n, 0.693359375f)), __fmul_rn(n, 2.1219444005e-4f));
    float sum = 1.0f / 5040.0f;
    sum = __fadd_rn(__fmul_rn(sum, r), 1.0f / 720.0f);
    sum = __fadd_rn(__fmul_rn(sum, r), 1.0f / 120.0f);
    sum = __fadd_rn(__fmul_rn(sum, r), 1.0f / 24.0f);
    sum = __fadd_rn(__fmul_rn(sum, r), 1.0f / 6.0f);
    sum = __fadd_rn(__fmul_rn(sum, r), 0.5f);
    sum = __fadd_rn(__fadd_rn(__fmul_rn(__fmul_rn(sum, r), r), r), 1.0f);
    const unsigned power = (__float_as_uint(shifted) - __float_as_uint(shifter) + 127u) << 23;
    return x >= -87.0f ? __fmul_rn(sum, __uint_as_float(power)) : 0.0f;
}

// Divides by one number many times, without a branch, to the nearest float as `/` does.
struct Divisor {
    float value, inverse;

    // By Markstein: with the inverse to the nearest, one correction makes the quotient so. Temperatures whose inverse is
    // no float any more get the largest one, which leaves nothing but the largest logit all the same.
    __device__ explicit Divisor(float value) : value(value), inverse(fminf(__frcp_rn(value), 3.4028235e38f)) {}

    __device__ __forceinline__ float quotient(float x) const {
        const float guess = __fmul_rn(x, inverse);
        return __fmaf_rn(__fmaf_rn(-guess, value, x), inverse, guess);
    }
};

// An infinite distance leaves a NaN, which the exponential takes for 0 too.
__device__ __forceinline__ float weigh(float logit, float largest, const Divisor &temperature) {
    const float distance = logit == largest ? 0.0f : __fsub_rn(logit, largest);
    return exponential(temperature.quotient(distance));
}

// The sum of `weight(read(i), i)` over a chunk, which eight neighbouring threads have; in each of them. Whole warps call.
template <class Read, class Weight>
__device__ __forceinline__ double chunkSum(int index, const Read &read, const Weight &weight) {
    constexpr int batch = 16;
    const int part = threadIdx.x % chunkLanes, start = index * chunk;
    const int count = min(chunk, vocabulary - start);
    float sum = 0;
    if (count == chunk) {
#pragma unroll
        for (int first = part; first < chunk; first += batch * chunkLanes) {
            // All loads of a batch are under way before the first is waited for.
            float values[batch];
#pragma unroll
            for (int i = 0; i < batch; i++) values[i] = read(start + first + i * chunkLanes);
#pragma unroll
            for (int i = 0; i < batch; i++) sum = __fadd_rn(sum, weight(values[i], start + first + i * chunkLanes));
        }
    } else {
        for (int i = start + part; i - part + chunkLanes <= start + count; i += chunkLanes) {
            sum = __fadd_rn(sum, weight(read(i), i));
        }
    }
    float lanes = __shfl_sync(allLanes, sum, 0, chunkLanes);
#pragma unroll
    for (int i = 1; i < chunkLanes; i++) lanes = __fadd_rn(lanes, __shfl_sync(allLanes, sum, i, chunkLanes));
    double total = lanes;
    if constexpr (vocabulary % chunkLanes != 0) {
        const int tail = count > 0 ? count % chunkLanes : 0;
        const int place = start + count - tail + part;
        const float last = part < tail ? weight(read(place), place) : 0.0f;
#pragma unroll
        for (int i = 0; i < chunkLanes - 1; i++) total += __shfl_sync(allLanes, last, i, chunkLanes);
    }
    return total;
}

// Exclusive sums over the lanes of a warp.
template <class Number>
__device__ __forceinline__ Number warpBefore(Number x) {
    Number sum = x;
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
        const Number other = __shfl_up_sync(allLanes, sum, distance);
        if (lane() >= distance) sum += other;
    }
    const Number before = __shfl_up_sync(allLanes, sum, 1);
    return lane() == 0 ? Number(0) : before;
}

// Exclusive sums over the threads of a block of 1024; ends with the room free for other use.
template <class Number>
__device__ __forceinline__ Number blockBefore(Number x, Number *room) {
    const Number inWarp = warpBefore(x);
    if (lane() == 31) room[warp()] = inWarp + x;
    __syncthreads();
    const Number warps = warpBefore(room[lane()]);
    __syncthreads();
    return __shfl_sync(allLanes, warps, warp()) + inWarp;
}

// The number drawn for a token: uniform in [0, 1), by Philox4x32-10.
__device__ __forceinline__ double uniform(uint64_t seed, int64_t position) {
    unsigned x = static_cast<unsigned>(position), y = static_cast<unsigned>(position >> 32), z = 0, w = 0;
    unsigned key0 = static_cast<unsigned>(seed), key1 = static_cast<unsigned>(seed >> 32);
#pragma unroll
    for (int round = 0; round < 10; round++) {
        const unsigned high0 = __umulhi(x, 0xD2511F53u), low0 = x * 0xD2511F53u;
        const unsigned high1 = __umulhi(z, 0xCD9E8D57u), low1 = z * 0xCD9E8D57u;
        x = high1 ^ y ^ key0;
        y = low1;
        z = high0 ^ w ^ key1;
        w = low0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    const uint64_t bits = (static_cast<uint64_t>(y) << 32 | x) >> 11;
    return static_cast<double>(bits) * (1.0 / 9007199254740992.0);
}

// Where the share `u` of all weights falls: the first token whose running sum passes it. One warp calls.
template <class Weight>
__device__ __forceinline__ int locate(double u, const double *sums, const Weight &weight) {
    constexpr int each = (chunks + 31) / 32;
    double held[each], own = 0;
#pragma unroll
    for (int i = 0; i < each; i++) {
        const int index = lane() * each + i;
        held[i] = index < chunks ? sums[index] : 0;
    }
#pragma unroll
    for (int i = 0; i < each; i++) own += held[i];
    double passed = warpBefore(own);
    const double point = u * __shfl_sync(allLanes, passed + own, 31);
    // The chunk in which the point lies; failing that for rounding, the last with a weight above 0.
    int found = nothing, last = -1;
    double before = 0, lastBefore = 0;
#pragma unroll
    for (int i = 0; i < each; i++) {
        const double sum = passed + held[i];
        if (held[i] > 0) {
            last = lane() * each + i;
            lastBefore = passed;
            if (sum > point && found == nothing) {
                found = last;
                before = passed;
            }
        }
        passed = sum;
    }
    const unsigned finders = __ballot_sync(allLanes, found != nothing);
    const unsigned holders = __ballot_sync(allLanes, last >= 0);
    if (finders == 0) {
        found = last;
        before = lastBefore;
    }
    const int source = finders ? __ffs(finders) - 1 : 31 - __clz(holders);
    const int start = __shfl_sync(allLanes, found, source) * chunk;
    before = __shfl_sync(allLanes, before, source);

    constexpr int run = chunk / 32;
    float weights[run];
    own = 0;
#pragma unroll
    for (int i = 0; i < run; i++) {
        const int token = start + lane() * run + i;
        weights[i] = token < vocabulary ? weight(token) : 0.0f;
        own += weights[i];
    }
    passed = before + warpBefore(own);
    found = nothing;
    last = -1;
#pragma unroll
    for (int i = 0; i < run; i++) {
        passed += weights[i];
        if (weights[i] > 0) {
            last = start + lane() * run + i;
            if (passed > point && found == nothing) found = last;
        }
    }
    const unsigned tokenFinders = __ballot_sync(allLanes, found != nothing);
    const unsigned tokenHolders = __ballot_sync(allLanes, last >= 0);
    if (tokenFinders) return __shfl_sync(allLanes, found, __ffs(tokenFinders) - 1);
    return __shfl_sync(allLanes, last, 31 - __clz(tokenHolders));
}

// Sums of all chunks into `sums`, over a block of 1024; ends with a barrier.
template <class Read, class Weight>
__device__ __forceinline__ void sumChunks(double *sums, const Read &read, const Weight &weight) {
    for (int first = 0; first < chunks; first += rowThreads / chunkLanes) {
        const int index = first + threadIdx.x / chunkLanes;
        const double sum = chunkSum(index, read, weight);
        if (threadIdx.x % chunkLanes == 0 && index < chunks) sums[index] = sum;
    }
    __syncthreads();
}

// Of a row's sums, in each lane of each warp.
__device__ double total(const double *sums) {
    constexpr int each = (chunks + 31) / 32;
    double own = 0;
    for (int i = 0; i < each; i++) {
        const int index = lane() * each + i;
        if (index < chunks) own += sums[index];
    }
    return __shfl_sync(allLanes, warpBefore(own) + own, 31);
}
