// SGMV for rows of many adapters (Punica, arXiv 2310.18547): matrix-vector products, row by row.
//
//     punica_shrink_rows    v[t, m] = A·x[t]                                        rank x inputs
//     punica_expand_rows    y[t, cols of m] = columnScale * (y + scale * B·v[t, m])    outputs x rank
//
// Rows of one adapter read its weights again from L2. Sums are float32 in a fixed order, y is rounded once; a row's bits
// depend on that row alone. Weights are asked for before the kernel waits for the one before it.
//
// Launches, for a bucket of T rows; rows beyond the live count or without an update leave at once:
//     punica_shrink_rows    grid (16, T, members), block 128: a block has every 16th rank row
//     punica_expand_rows    grid (ceil(largest outputs / 512), T, members), block 256
#include "common.cuh"
#include "LowRankRowsParams.h"

using namespace punica;

constexpr int mostRank = 512;
constexpr int shrinkThreads = 128;
constexpr int ahead = 8;

__device__ __forceinline__ uint4 loadWeights(const element *address) {
    uint4 raw;
    asm("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
        : "=r"(raw.x), "=r"(raw.y), "=r"(raw.z), "=r"(raw.w)
        : "l"(address));
    return raw;
}

__device__ __forceinline__ float dot(const uint4 &a, const uint4 &b) {
    const unsigned x[4] = {a.x, a.y, a.z, a.w}, y[4] = {b.x, b.y, b.z, b.w};
    float sum = 0;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const float2 p = toFloats(x[i]), q = toFloats(y[i]);
        sum += p.x * q.x;
        sum += p.y * q.y;
    }
    return sum;
}

extern "C" __global__ void __launch_bounds__(shrinkThreads)
    punica_shrink_rows(const __grid_constant__ LowRankRowsParams p) {
    __shared__ float room[shrinkThreads / 32];
    const int t = blockIdx.y, member = blockIdx.z;
    const int slot = t < *p.rowCount ? p.rowSlots[t] : -1;
    LowRankEntry entry = {};
    if (slot >= 0) entry = p.table[static_cast<int64_t>(slot) * p.entriesPerAdapter + p.firstEntry + member];
    const bool isAligned = p.inputs % 8 == 0;
    const int packs = isAligned ? p.inputs / 8 : 0;
    const element *x = static_cast<const element *>(p.x) + static_cast<int64_t>(t) * p.xPitch;
    bool hasWaited = false;
    for (int r = blockIdx.x; r < entry.rank; r += gridDim.x) {
        const element *a = static_cast<const element *>(entry.a) + static_cast<int64_t>(r) * p.inputs;
        float sum = 0;
        for (int base = 0; base < packs; base += ahead * shrinkThreads) {
            uint4 weights[ahead];
#pragma unroll
            for (int i = 0; i < ahead; i++) {
                const int place = base + i * shrinkThreads + threadIdx.x;
                weights[i] = place < packs ? loadWeights(a + place * 8) : make_uint4(0, 0, 0, 0);
            }
            if (!hasWaited) {
                waitForPredecessor();
                hasWaited = true;
            }
#pragma unroll
            for (int i = 0; i < ahead; i++) {
                const int place = base + i * shrinkThreads + threadIdx.x;
                if (place < packs) sum += dot(weights[i], *reinterpret_cast<const uint4 *>(x + place * 8));
            }
        }
        if (!isAligned) {
            if (!hasWaited) {
                waitForPredecessor();
                hasWaited = true;
            }
            for (int i = threadIdx.x; i < p.inputs; i += shrinkThreads) sum += toFloat(a[i]) * toFloat(x[i]);
        }
        sum = blockSum<shrinkThreads>(sum, room);
        if (threadIdx.x == 0) p.vectors[(static_cast<int64_t>(t) * p.memberCount + member) * mostRank + r] = sum;
        __syncthreads();
    }
    if (!hasWaited) waitForPredecessor();
    releaseSuccessor();
}

constexpr int expandThreads = 256;
constexpr int columnsPerBlock = 512;

// One column's product with B's row, over `lanes` neighbouring lanes with 8 ranks each at a time.
template <int lanes>
__device__ __forceinline__ void expand(
    const LowRankRowsParams &p, const LowRankEntry &entry, int t, int member, const float *vectors) {
    constexpr int columnsAtOnce = expandThreads / lanes;
    constexpr int steps = columnsPerBlock / columnsAtOnce < 8 ? columnsPerBlock / columnsAtOnce : 8;
    const int outputs = p.outputs[member], first = blockIdx.x * columnsPerBlock;
    const int part = threadIdx.x % lanes, place = threadIdx.x / lanes;
    const element *b = static_cast<const element *>(entry.b);
    element *y = static_cast<element *>(p.y) + static_cast<int64_t>(t) * p.yPitch + p.columns[member];
    const bool isAligned = entry.rank % 8 == 0;
    bool hasWaited = false;
    for (int base = first; base < min(first + columnsPerBlock, outputs); base += columnsAtOnce * steps) {
        uint4 weights[steps];
#pragma unroll
        for (int i = 0; i < steps; i++) {
            const int column = base + i * columnsAtOnce + place;
            const bool isThere = isAligned && column < outputs && part * 8 < entry.rank;
            weights[i] = isThere ? loadWeights(b + static_cast<int64_t>(column) * entry.rank + part * 8)
                                 : make_uint4(0, 0, 0, 0);
        }
        if (!hasWaited) {
            waitForPredecessor();
            hasWaited = true;
        }
#pragma unroll
        for (int i = 0; i < steps; i++) {
            const int column = base + i * columnsAtOnce + place;
            float sum = 0;
            if (column < outputs) {
                if (isAligned) {
                    for (int k = part * 8; k < entry.rank; k += lanes * 8) {
                        const uint4 raw = k == part * 8
                            ? weights[i] : loadWeights(b + static_cast<int64_t>(column) * entry.rank + k);
                        const unsigned words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
                        for (int j = 0; j < 4; j++) {
                            const float2 two = toFloats(words[j]);
                            sum += two.x * vectors[k + 2 * j];
                            sum += two.y * vectors[k + 2 * j + 1];
                        }
                    }
                } else {
                    for (int k = part; k < entry.rank; k += lanes) {
                        sum += toFloat(b[static_cast<int64_t>(column) * entry.rank + k]) * vectors[k];
                    }
                }
            }
            sum = warpSum<lanes>(sum);
            if (column < outputs && part == 0) {
                const float scale = entry.columnScale ? entry.columnScale[column] : 1.0f;
                y[column] = toElement(scale * (toFloat(y[column]) + entry.scale * sum));
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(expandThreads)
    punica_expand_rows(const __grid_constant__ LowRankRowsParams p) {
    const int t = blockIdx.y, member = blockIdx.z;
    const int slot = t < *p.rowCount ? p.rowSlots[t] : -1;
    LowRankEntry entry = {};
    if (slot >= 0) entry = p.table[static_cast<int64_t>(slot) * p.entriesPerAdapter + p.firstEntry + member];
    releaseSuccessor();
    if (entry.rank == 0 || blockIdx.x * columnsPerBlock >= p.outputs[member]) return waitForPredecessor();
    const float *vectors = p.vectors + (static_cast<int64_t>(t) * p.memberCount + member) * mostRank;
    if (entry.rank <= 8) {
        expand<1>(p, entry, t, member, vectors);
    } else if (entry.rank <= 16) {
        expand<2>(p, entry, t, member, vectors);
    } else if (entry.rank <= 32) {
        expand<4>(p, entry, t, member, vectors);
    } else {
        expand<8>(p, entry, t, member, vectors);
    }
}
