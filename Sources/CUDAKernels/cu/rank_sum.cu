// The sum over the ranks of a split model, read straight from the other GPUs' memory.
//
//     punica_rank_sum     y = Σ over ranks, in their order, of that rank's y
//
// Every rank copies its numbers into a staging half, tells the others so, waits for theirs, and adds all up: every rank
// gets the same bits. Sums are in float32 and rounded once. One exchange costs one trip over the link, which is what
// counts for the few rows of a decode step; for many rows each byte crosses too often, and NCCL does better.
//
// Why two halves are enough: a rank writes a half for the second time only after it has seen all ranks in the exchange
// between, and a rank enters that one only when it is done reading in the one before. That holds for all blocks together
// because every launch has the same blocks, whether or not there are numbers for all.
//
// Constants: PUNICA_BF16, PUNICA_RANKS (2 ... 8).
//
// Launch: the same grid every time, at most as many blocks as run at once, since blocks wait for their twins on other
// GPUs; block 512.
#include "common.cuh"
#include "RankSumParams.h"

#ifndef PUNICA_RANKS
#define PUNICA_RANKS 2
#endif

using namespace punica;

constexpr int ranks = PUNICA_RANKS;
constexpr int threads = 512;
static_assert(ranks >= 2 && ranks <= 8, "arrivals have eight places a block");

// All that this thread has seen or written is seen by whoever reads the word with `arrived`.
__device__ __forceinline__ void tell(uint32_t *place, uint32_t epoch) {
    asm volatile("fence.acq_rel.sys;\n\tst.relaxed.sys.global.u32 [%0], %1;" ::"l"(place), "r"(epoch) : "memory");
}

__device__ __forceinline__ bool hasArrived(const uint32_t *place, uint32_t epoch) {
    uint32_t seen;
    asm volatile("ld.acquire.sys.global.u32 %0, [%1];" : "=r"(seen) : "l"(place) : "memory");
    // Epochs wrap around; they are never far apart.
    return static_cast<int32_t>(seen - epoch) >= 0;
}

// Another GPU's memory, past this one's caches.
__device__ __forceinline__ uint4 loadRemote(const uint4 *place) {
    uint4 pack;
    asm volatile("ld.relaxed.sys.global.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(pack.x), "=r"(pack.y), "=r"(pack.z), "=r"(pack.w)
                 : "l"(place)
                 : "memory");
    return pack;
}

__device__ __forceinline__ void add(float (&sum)[8], const uint4 &pack) {
    const unsigned words[4] = {pack.x, pack.y, pack.z, pack.w};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const float2 two = toFloats(words[i]);
        sum[2 * i] += two.x;
        sum[2 * i + 1] += two.y;
    }
}

extern "C" __global__ void __launch_bounds__(threads) punica_rank_sum(const __grid_constant__ RankSumParams p) {
    waitForPredecessor();
    releaseSuccessor();
    const uint32_t epoch = p.epochs[blockIdx.x] + 1;
    const int64_t half = (epoch & 1) * (p.halfElements / 8), packs = p.elementCount / 8;
    const int64_t first = static_cast<int64_t>(blockIdx.x) * threads + threadIdx.x, stride = gridDim.x * threads;
    uint4 *y = static_cast<uint4 *>(p.y);
    uint4 *own = static_cast<uint4 *>(p.staging[p.tpRank]) + half;
    for (int64_t i = first; i < packs; i += stride) own[i] = y[i];
    __syncthreads();
    const int other = threadIdx.x;
    if (other < ranks && other != p.tpRank) {
        tell(static_cast<uint32_t *>(p.arrivals[other]) + blockIdx.x * 8 + p.tpRank, epoch);
        while (!hasArrived(static_cast<uint32_t *>(p.arrivals[p.tpRank]) + blockIdx.x * 8 + other, epoch)) {}
    }
    __syncthreads();
    if (threadIdx.x == 0) p.epochs[blockIdx.x] = epoch;
    for (int64_t i = first; i < packs; i += stride) {
        uint4 parts[ranks];
#pragma unroll
        for (int rank = 0; rank < ranks; rank++)
            parts[rank] = rank == p.tpRank ? y[i] : loadRemote(static_cast<const uint4 *>(p.staging[rank]) + half + i);
        float sum[8] = {};
#pragma unroll
        for (int rank = 0; rank < ranks; rank++) add(sum, parts[rank]);
        store(y + i, sum);
    }
}
