// The sum over the ranks of a split model, of few rows, added to the residual stream and normalized.
//
//     punica_rank_normalize   x = x + Σ over ranks, in their order, of delta and its updates, each rounded;
//                             y = x / sqrt(mean(x²) + epsilon) * weight
//
// Every rank writes its numbers into the others' memory, two to a word with the number of the exchange behind them, and
// takes theirs from its own memory as soon as their words have that number: nothing else tells that they are there, and so
// an exchange costs one trip over the link. Twice the bytes travel, which few rows can afford.
//
// Words are there twice, for exchanges of even and odd numbers. A rank writes a row's place again only when all others'
// words of the exchange between have come, which they send when they have read those of the one before.
//
// Constants: PUNICA_BF16, PUNICA_HIDDEN (E, a multiple of 8, at most 16384), PUNICA_RANKS (2 ... 8).
//
// Launch: grid (T), at most `mostRows` and at most as many blocks as run at once, since they wait for their twins on other
// GPUs; block min(1024, E / 8 rounded up to 32). Blocks from the live count on leave at once.
#include "row_updates.cuh"
#include "RankNormalizeParams.h"

#ifndef PUNICA_HIDDEN
#define PUNICA_HIDDEN 4096
#endif
#ifndef PUNICA_RANKS
#define PUNICA_RANKS 2
#endif

using namespace punica;

constexpr int ranks = PUNICA_RANKS, hidden = PUNICA_HIDDEN;
static_assert(ranks >= 2 && ranks <= 8, "words have eight addresses");
static_assert(hidden % 8 == 0 && hidden <= 16384, "a thread has a few pairs of a row");

constexpr int threads = hidden / 8 >= 1024 ? 1024 : (hidden / 8 + 31) / 32 * 32;
constexpr int rowPairs = hidden / 2, pairs = (rowPairs + threads - 1) / threads;

// The thread's i-th pair of the row, which may lie behind its end.
__device__ __forceinline__ int pairAt(int i) { return i * threads + threadIdx.x; }

__device__ __forceinline__ void send(uint64_t *place, unsigned pair, uint32_t epoch) {
    const uint64_t word = static_cast<uint64_t>(epoch) << 32 | pair;
    asm volatile("st.relaxed.sys.global.u64 [%0], %1;" ::"l"(place), "l"(word) : "memory");
}

// Waits for a row of another rank's numbers.
__device__ __forceinline__ void receive(unsigned (&found)[pairs], const uint64_t *row, uint32_t epoch) {
    bool isThere;
    do {
        isThere = true;
#pragma unroll
        for (int i = 0; i < pairs; i++) {
            if (pairAt(i) >= rowPairs) continue;
            uint64_t word;
            asm volatile("ld.relaxed.sys.global.u64 %0, [%1];" : "=l"(word) : "l"(row + pairAt(i)) : "memory");
            found[i] = static_cast<unsigned>(word);
            isThere = isThere && word >> 32 == epoch;
        }
    } while (!isThere);
}

extern "C" __global__ void __launch_bounds__(threads)
    punica_rank_normalize(const __grid_constant__ RankNormalizeParams p) {
    __shared__ float room[32];
    const int t = blockIdx.x;
    if (t >= *p.norm.rowCount) {
        waitForPredecessor();
        return;
    }
    const int64_t start = static_cast<int64_t>(t) * hidden;
    const element *updates = updatesOfRow(p.norm.updates, t, start);
    // Weights do not come from the kernel before, so they are read while it still runs.
    float2 weights[pairs], values[pairs];
#pragma unroll
    for (int i = 0; i < pairs; i++)
        if (pairAt(i) < rowPairs) weights[i] = reinterpret_cast<const float2 *>(p.norm.weight)[pairAt(i)];
    releaseAndWait();
    const uint32_t epoch = p.epochs[t] + 1;
    const int64_t half = static_cast<int64_t>(p.mostRows) * rowPairs;
    const int64_t row = (epoch & 1) * half + static_cast<int64_t>(t) * rowPairs;
    const element *delta = static_cast<const element *>(p.norm.delta) + start;
    float2 *x = reinterpret_cast<float2 *>(p.norm.x + start);
    unsigned own[pairs] = {};
#pragma unroll
    for (int i = 0; i < pairs; i++) {
        if (pairAt(i) >= rowPairs) continue;
        float two[2];
        load(two, delta + 2 * pairAt(i));
        addUpdates(two, updates, 2 * pairAt(i));
        own[i] = toPair(two[0], two[1]);
    }
#pragma unroll(ranks > 2 ? 1 : 2)
    for (int rank = 0; rank < ranks; rank++) {
        if (rank == p.tpRank) continue;
        uint64_t *there = static_cast<uint64_t *>(p.words[rank]) + 2 * half * p.tpRank + row;
#pragma unroll
        for (int i = 0; i < pairs; i++)
            if (pairAt(i) < rowPairs) send(there + pairAt(i), own[i], epoch);
    }
#pragma unroll
    for (int i = 0; i < pairs; i++)
        if (pairAt(i) < rowPairs) values[i] = x[pairAt(i)];
    float2 sums[pairs] = {};
#pragma unroll(ranks > 2 ? 1 : 2)
    for (int rank = 0; rank < ranks; rank++) {
        unsigned parts[pairs] = {};
        if (rank == p.tpRank) {
#pragma unroll
            for (int i = 0; i < pairs; i++) parts[i] = own[i];
        } else {
            receive(parts, static_cast<uint64_t *>(p.words[p.tpRank]) + 2 * half * rank + row, epoch);
        }
#pragma unroll
        for (int i = 0; i < pairs; i++) {
            const float2 two = toFloats(parts[i]);
            sums[i] = make_float2(sums[i].x + two.x, sums[i].y + two.y);
        }
    }
    float squares = 0;
#pragma unroll
    for (int i = 0; i < pairs; i++) {
        if (pairAt(i) >= rowPairs) continue;
        values[i] = make_float2(values[i].x + sums[i].x, values[i].y + sums[i].y);
        x[pairAt(i)] = values[i];
        squares += values[i].x * values[i].x + values[i].y * values[i].y;
    }
    const float factor = 1.0f / sqrtf(blockSum<threads>(squares, room) / hidden + p.norm.epsilon);
    // All threads have read it: they have been at the sum.
    if (threadIdx.x == 0) p.epochs[t] = epoch;
    unsigned *y = reinterpret_cast<unsigned *>(static_cast<element *>(p.norm.y) + static_cast<int64_t>(t) * p.norm.pitch);
#pragma unroll
    for (int i = 0; i < pairs; i++)
        if (pairAt(i) < rowPairs)
            y[pairAt(i)] = toPair(values[i].x * (factor * weights[i].x), values[i].y * (factor * weights[i].y));
}
