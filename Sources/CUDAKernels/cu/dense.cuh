#pragma once

// The product of a few rows with a large matrix, at the speed at which memory delivers the matrix.
//
// A cluster of blocks owns a range of weight rows, and each of its blocks a slice of the inputs. One or more warps of
// a block copy (weight rows x inputs) and (x rows x inputs) into a ring of stages; the others multiply, weights as the
// tall operand so that eight rows of x fill an instruction. At the end of a tile of weight rows every warp sends its
// sums to the block that owns those rows; that block adds them in a fixed order and writes y. The ring never drains
// between tiles. The weights of the first stages are asked for before the kernel waits for its predecessor.
//
// Sums depend on the cluster, the chunk's parity and warpsK, not on the batch: kernels that agree in these agree in
// every bit of a row.

#include "DenseParams.h"

#if PUNICA_BF16
#define DENSE_TYPE "bf16"
#else
#define DENSE_TYPE "f16"
#endif

namespace dense {

template <int Batch, int Rows, int Chunk, int Stages, int Cluster, int WarpsM, int WarpsK, int Copiers>
struct Shape {
    static constexpr int batch = Batch;      // rows of x, a multiple of 8
    static constexpr int rows = Rows;        // weight rows of a tile, at most
    static constexpr int chunk = Chunk;      // inputs of a stage
    static constexpr int stages = Stages;
    static constexpr int cluster = Cluster;  // blocks that share the inputs
    static constexpr int warpsM = WarpsM;    // warps over the tile's rows
    static constexpr int warpsK = WarpsK;    // warps over a stage's inputs
    static constexpr int copiers = Copiers;  // 0: one thread copies by tensor map; else so many warps, 16 bytes a thread
    static constexpr int workers = WarpsM * WarpsK;
    static constexpr int copyWarps = Copiers == 0 ? 1 : Copiers;
    static constexpr int threads = 32 * (workers + copyWarps);
    static constexpr int tilesM = Rows / (16 * WarpsM);
    static constexpr int band = 64;  // inputs that lie together: 128 bytes of a row, its 16-byte units swizzled by the row
    static constexpr int weightBytes = Rows * 128;
    static constexpr int bandBytes = (Rows + Batch) * 128;
    static constexpr int stageBytes = Chunk / band * bandBytes;
    static constexpr int ownRows = Rows / Cluster;
    static constexpr int slots = Cluster * WarpsK;
    static constexpr int sumPitch = Batch + 2;  // floats
    static constexpr int sumBytes = slots == 1 ? 0 : slots * ownRows * sumPitch * 4;
    static constexpr int barrierBytes = 256;
    static constexpr int sharedBytes = Stages * stageBytes + sumBytes + barrierBytes;

    static_assert(Batch % 8 == 0 && Rows % (16 * WarpsM) == 0 && Rows % (16 * Cluster) == 0);
    static_assert(Chunk % band == 0 && 4 % WarpsK == 0 && 16 * Stages + 16 <= barrierBytes);
};

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900

__device__ __forceinline__ uint32_t sharedAddress(const void *pointer) {
    return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
}

__device__ __forceinline__ void initBarrier(uint32_t barrier, int count) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(count) : "memory");
}

__device__ __forceinline__ void expectBytes(uint32_t barrier, int bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

__device__ __forceinline__ void arrive(uint32_t barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

__device__ __forceinline__ void waitFor(uint32_t barrier, uint32_t parity) {
    asm volatile(
        "{\n.reg .pred done;\n"
        "again:\n"
        "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
        "@!done bra again;\n}" ::"r"(barrier), "r"(parity)
        : "memory");
}

__device__ __forceinline__ void waitForCluster(uint32_t barrier, uint32_t parity) {
    asm volatile(
        "{\n.reg .pred done;\n"
        "again:\n"
        "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [%0], %1;\n"
        "@!done bra again;\n}" ::"r"(barrier), "r"(parity)
        : "memory");
}

// The address, in the cluster's window, of what `address` is in block `rank`.
__device__ __forceinline__ uint32_t peerAddress(uint32_t address, int rank) {
    uint32_t result;
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(result) : "r"(address), "r"(rank));
    return result;
}

__device__ __forceinline__ void arriveAtPeer(uint32_t barrier, int rank) {
    asm volatile("mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%0];" ::"r"(peerAddress(barrier, rank)) : "memory");
}

__device__ __forceinline__ void storeAtPeer(uint32_t address, float first, float second) {
    asm volatile("st.shared::cluster.v2.f32 [%0], {%1, %2};" ::"r"(address), "f"(first), "f"(second) : "memory");
}

__device__ __forceinline__ void copyBox(uint32_t to, const DenseMap *map, int input, int row, uint32_t barrier, uint64_t policy) {
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint"
        " [%0], [%1, {%2, %3}], [%4], %5;" ::"r"(to),
        "l"(map), "r"(input), "r"(row), "r"(barrier), "l"(policy)
        : "memory");
}

__device__ __forceinline__ void copy16(uint32_t to, const char *from, uint64_t policy) {
    asm volatile("cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "l"(policy) : "memory");
}

__device__ __forceinline__ void arriveAfterCopies(uint32_t barrier) {
    asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(barrier) : "memory");
}

template <int Count>
__device__ __forceinline__ void loadMatrices(uint32_t (&to)[Count], uint32_t address) {
    if constexpr (Count == 4) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                     : "r"(address)
                     : "memory");
    } else {
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                     : "=r"(to[0]), "=r"(to[1])
                     : "r"(address)
                     : "memory");
    }
}

__device__ __forceinline__ void multiply(float (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." DENSE_TYPE "." DENSE_TYPE
                 ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ unsigned short rounded(float value) {
    unsigned short bits;
#if PUNICA_BF16
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
#else
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
#endif
    return bits;
}

// What a block has to do, and where its shared memory is.
template <typename S>
struct Block {
    const DenseParams &p;
    int rank, lane, warp;
    int firstRow, endRow;      // weight rows
    int firstInput, endInput;  // this block's slice
    int tiles, chunks, skew;
    uint32_t full, empty, arrived, taken, sums, stages;

    __device__ __forceinline__ Block(const DenseParams &params, uint32_t shared) : p(params) {
        rank = blockIdx.x % S::cluster;
        lane = threadIdx.x % 32;
        warp = threadIdx.x / 32;
        const int group = blockIdx.x / S::cluster, groups = gridDim.x / S::cluster;
        const int64_t allTiles = (p.outputs + p.tileRows - 1) / p.tileRows;
        firstRow = static_cast<int>(group * allTiles / groups) * p.tileRows;
        endRow = min(static_cast<int>((group + 1) * allTiles / groups) * p.tileRows, p.outputs);
        const int bands = (p.inputs + S::band - 1) / S::band;
        firstInput = rank * bands / S::cluster * S::band;
        endInput = min((rank + 1) * bands / S::cluster * S::band, p.inputs);
        tiles = max(endRow - firstRow + p.tileRows - 1, 0) / p.tileRows;
        chunks = (endInput - firstInput + S::chunk - 1) / S::chunk;
#ifdef DENSE_SKEW
        skew = chunks > 0 ? group * DENSE_SKEW % chunks : 0;
#else
        skew = 0;
#endif
        stages = shared;
        sums = shared + S::stages * S::stageBytes;
        full = sums + S::sumBytes;
        empty = full + 8 * S::stages;
        arrived = empty + 8 * S::stages;
        taken = arrived + 8;
    }

    // Clusters begin at different inputs, so that they do not all ask for the same part of x at once.
    __device__ __forceinline__ int place(int chunk) const { return chunk + skew < chunks ? chunk + skew : chunk + skew - chunks; }
    __device__ __forceinline__ int rowsOf(int tile) const { return min(p.tileRows, endRow - firstRow - tile * p.tileRows); }
    __device__ __forceinline__ int inputsOf(int place) const { return min(S::chunk, endInput - firstInput - place * S::chunk); }

    __device__ __forceinline__ void prepare() const {
        if (warp == S::workers && lane == 0) {
            for (int stage = 0; stage < S::stages; ++stage) {
                initBarrier(full + 8 * stage, S::copiers == 0 ? 1 : 32 * S::copyWarps);
                initBarrier(empty + 8 * stage, S::workers);
            }
            initBarrier(arrived, S::cluster * S::workers);
            initBarrier(taken, S::cluster * S::workers);
            asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
        }
        __syncthreads();
        if constexpr (S::cluster > 1) asm volatile("barrier.cluster.arrive.aligned;" ::: "memory");
    }

    __device__ __forceinline__ void waitForPeers() const {
        if constexpr (S::cluster > 1) {
            __syncwarp();
            asm volatile("barrier.cluster.wait.aligned;" ::: "memory");
        }
    }
};

// Copies stages in the order in which the workers take them.
template <typename S>
struct Copier {
    const Block<S> &b;
    uint64_t once, often;
    int worker;

    __device__ __forceinline__ explicit Copier(const Block<S> &block) : b(block) {
        asm("createpolicy.fractional.L2::evict_first.b64 %0;" : "=l"(once));
        asm("createpolicy.fractional.L2::evict_last.b64 %0;" : "=l"(often));
        worker = threadIdx.x - 32 * S::workers;
    }

    __device__ __forceinline__ void copyRows(uint32_t to, const void *from, int64_t pitch, int rows, int inputs,
                                             uint64_t policy) const {
        constexpr int pieces = S::chunk / 8, rowsAtOnce = 32 * S::copyWarps / pieces;
        static_assert(S::copiers == 0 || rowsAtOnce >= 1);
        const int piece = worker % pieces;
        if (piece * 8 >= inputs) return;
        const char *start = static_cast<const char *>(from) + piece * 16;
        const uint32_t band = to + piece / 8 * S::bandBytes;
#pragma unroll 4
        for (int row = worker / pieces; row < rows; row += rowsAtOnce)
            copy16(band + row * 128 + (piece % 8 ^ row % 8) * 16, start + row * pitch * 2, policy);
    }

    __device__ __forceinline__ void copyBoxes(uint32_t to, const DenseMap *map, int place, int row, uint32_t barrier, uint64_t policy) const {
        const int inputs = b.inputsOf(place), first = b.firstInput + place * S::chunk;
        for (int band = 0; band * S::band < inputs; ++band)
            copyBox(to + band * S::bandBytes, map, first + band * S::band, row, barrier, policy);
    }

    __device__ __forceinline__ void copyWeights(int stage, int tile, int place) const {
        const int row = b.firstRow + tile * b.p.tileRows;
        const uint32_t to = b.stages + stage * S::stageBytes, barrier = b.full + 8 * stage;
        if constexpr (S::copiers == 0) {
            const int bands = (b.inputsOf(place) + S::band - 1) / S::band;
#ifdef DENSE_SKIP_X
            expectBytes(barrier, bands * (b.p.tileRows) * 128);
#else
            expectBytes(barrier, bands * (b.p.tileRows + S::batch) * 128);
#endif
            copyBoxes(to, &b.p.weights, place, row, barrier, once);
        } else {
            const int64_t start = static_cast<int64_t>(row) * b.p.inputs + b.firstInput + place * S::chunk;
            copyRows(to, static_cast<const char *>(b.p.w) + start * 2, b.p.inputs, b.rowsOf(tile), b.inputsOf(place), once);
        }
    }

    __device__ __forceinline__ void copyInputs(int stage, int place) const {
        const uint32_t to = b.stages + stage * S::stageBytes + S::weightBytes, barrier = b.full + 8 * stage;
        if constexpr (S::copiers == 0) {
#ifndef DENSE_SKIP_X
            copyBoxes(to, &b.p.rowsMap, place, 0, barrier, often);
#endif
        } else {
#ifndef DENSE_SKIP_X
            const char *from = static_cast<const char *>(b.p.x) + (b.firstInput + place * S::chunk) * 2;
            copyRows(to, from, b.p.xPitch, b.p.rows, b.inputsOf(place), often);
#endif
            arriveAfterCopies(barrier);
        }
    }

    __device__ __forceinline__ void run() const {
        if (S::copiers == 0 && worker != 0) return;
        const int total = b.tiles * b.chunks;
        const int ahead = min(S::stages, total);
        for (int i = 0; i < ahead; ++i) copyWeights(i, i / b.chunks, b.place(i % b.chunks));
        asm volatile("griddepcontrol.wait;" ::: "memory");
        for (int i = 0; i < ahead; ++i) copyInputs(i, b.place(i % b.chunks));
        int stage = 0, tile = ahead / max(b.chunks, 1), chunk = ahead % max(b.chunks, 1);
        uint32_t parity = 0;
        for (int i = ahead; i < total; ++i) {
            waitFor(b.empty + 8 * stage, parity);
            copyWeights(stage, tile, b.place(chunk));
            copyInputs(stage, b.place(chunk));
            if (++stage == S::stages) { stage = 0; parity ^= 1; }
            if (++chunk == b.chunks) { chunk = 0; ++tile; }
        }
    }
};

// Multiplies staged tiles and gathers the sums.
template <typename S>
struct Worker {
    static constexpr int tilesN = S::batch / 8;
    const Block<S> &b;
    int warpM, warpK;
    float sums[S::tilesM][tilesN][4];

    __device__ __forceinline__ explicit Worker(const Block<S> &block) : b(block) {
        warpM = b.warp / S::warpsK;
        warpK = b.warp % S::warpsK;
    }

    __device__ __forceinline__ void step(uint32_t weights, uint32_t inputs) {
        uint32_t a[S::tilesM][4];
#pragma unroll
        for (int m = 0; m < S::tilesM; ++m) loadMatrices(a[m], weights + m * 16 * 128);
        if constexpr (tilesN == 1) {
            uint32_t x[2];
            loadMatrices(x, inputs);
#pragma unroll
            for (int m = 0; m < S::tilesM; ++m) multiply(sums[m][0], a[m], x[0], x[1]);
        } else {
#pragma unroll
            for (int n = 0; n < tilesN; n += 2) {
                uint32_t x[4];
                loadMatrices(x, inputs + n * 8 * 128);
#pragma unroll
                for (int m = 0; m < S::tilesM; ++m) {
                    multiply(sums[m][n], a[m], x[0], x[1]);
                    multiply(sums[m][n + 1], a[m], x[2], x[3]);
                }
            }
        }
    }

    __device__ __forceinline__ void send() const {
#pragma unroll
        for (int m = 0; m < S::tilesM; ++m) {
            const int row = (warpM * S::tilesM + m) * 16, owner = row / S::ownRows;
            const int slot = b.rank * S::warpsK + warpK;
            const int offset = (slot * S::ownRows + row % S::ownRows + b.lane / 4) * S::sumPitch + b.lane % 4 * 2;
            const uint32_t to = peerAddress(b.sums + offset * 4, owner);
#pragma unroll
            for (int n = 0; n < tilesN; ++n) {
                storeAtPeer(to + n * 32, sums[m][n][0], sums[m][n][1]);
                storeAtPeer(to + n * 32 + 8 * S::sumPitch * 4, sums[m][n][2], sums[m][n][3]);
            }
        }
        tellPeers(b.arrived);
    }

    __device__ __forceinline__ void tellPeers(uint32_t barrier) const {
        asm volatile("fence.acq_rel.cluster;" ::: "memory");
        __syncwarp();
        if (b.lane < S::cluster) arriveAtPeer(barrier, b.lane);
    }

    // Adds what the warps sent for this block's rows.
    __device__ __forceinline__ void write(int tile, const float *gathered) const {
        const int firstRow = b.firstRow + tile * b.p.tileRows + b.rank * S::ownRows;
        const int rows = min(S::ownRows, b.rowsOf(tile) - b.rank * S::ownRows);
        for (int i = threadIdx.x; i < S::ownRows * b.p.rows; i += 32 * S::workers) {
            const int row = i % S::ownRows, t = i / S::ownRows;
            if (row >= rows) continue;
            float sum = b.p.bias ? b.p.bias[firstRow + row] : 0.f;
#pragma unroll
            for (int slot = 0; slot < S::slots; ++slot) sum += gathered[(slot * S::ownRows + row) * S::sumPitch + t];
            store(t, firstRow + row, sum);
        }
    }

    __device__ __forceinline__ void store(int t, int row, float sum) const {
        const int64_t index = static_cast<int64_t>(t) * b.p.yPitch + row;
        if (b.p.isFloat) static_cast<float *>(b.p.y)[index] = sum;
        else static_cast<unsigned short *>(b.p.y)[index] = rounded(sum);
    }

    // Writes this warp's sums when nobody else has any for these rows.
    __device__ __forceinline__ void writeAlone(int tile) const {
        const int rows = b.rowsOf(tile), firstRow = b.firstRow + tile * b.p.tileRows;
        const bool inPairs = b.p.yPitch % 2 == 0 && !b.p.isFloat;
#pragma unroll
        for (int m = 0; m < S::tilesM; ++m) {
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const int start = (warpM * S::tilesM + m) * 16 + half * 8;
                const int own = start + b.lane / 4;
                const float bias = b.p.bias && own < rows ? b.p.bias[firstRow + own] : 0.f;
#pragma unroll
                for (int n = 0; n < tilesN; ++n) {
                    const float first = sums[m][n][2 * half] + bias, second = sums[m][n][2 * half + 1] + bias;
                    if (inPairs) writePairs(first, second, n * 8, start, rows, firstRow);
                    else if (own < rows) {
                        const int t = n * 8 + b.lane % 4 * 2;
                        if (t < b.p.rows) store(t, firstRow + own, first);
                        if (t + 1 < b.p.rows) store(t + 1, firstRow + own, second);
                    }
                }
            }
        }
    }

    // Eight rows of weights by eight of x lie over the warp; turned over, each thread has two neighbours in a row of y.
    __device__ __forceinline__ void writePairs(float first, float second, int t, int start, int rows, int firstRow) const {
        uint32_t pair = rounded(first) | static_cast<uint32_t>(rounded(second)) << 16;
        asm("movmatrix.sync.aligned.m8n8.trans.b16 %0, %0;" : "+r"(pair));
        t += b.lane / 4;
        const int row = start + b.lane % 4 * 2;
        if (t >= b.p.rows || row >= rows) return;
        unsigned short *to = static_cast<unsigned short *>(b.p.y) + static_cast<int64_t>(t) * b.p.yPitch + firstRow + row;
        if (row + 1 < rows && firstRow % 2 == 0) *reinterpret_cast<uint32_t *>(to) = pair;
        else {
            to[0] = static_cast<unsigned short>(pair);
            if (row + 1 < rows) to[1] = static_cast<unsigned short>(pair >> 16);
        }
    }

    __device__ __forceinline__ void run(const float *gathered) {
        const uint32_t weightRow = (warpM * S::tilesM * 16 + b.lane % 16) * 128;
        const uint32_t inputRow = S::weightBytes + (b.lane % 8 + b.lane / 16 * 8 % S::batch) * 128;
        const uint32_t weightUnit = (warpK * 2 + b.lane / 16 ^ b.lane % 8) * 16;
        const uint32_t inputUnit = (warpK * 2 + b.lane / 8 % 2 ^ b.lane % 8) * 16;
        int stage = 0;
        uint32_t parity = 0;
        for (int tile = 0; tile < b.tiles; ++tile) {
#pragma unroll
            for (int m = 0; m < S::tilesM; ++m)
#pragma unroll
                for (int n = 0; n < tilesN; ++n)
#pragma unroll
                    for (int i = 0; i < 4; ++i) sums[m][n][i] = 0;
            for (int chunk = 0; chunk < b.chunks; ++chunk) {
                waitFor(b.full + 8 * stage, parity);
                const uint32_t start = b.stages + stage * S::stageBytes;
                const int inputs = b.inputsOf(b.place(chunk));
#ifdef DENSE_SKIP_PRODUCT
                if (inputs > 0) {} else
#endif
                if (inputs == S::chunk) {
#pragma unroll
                    for (int k = 0; k < S::chunk / 16; k += S::warpsK) {
                        const uint32_t band = start + k / 4 * S::bandBytes, unit = k % 4 * 32;
                        step(band + weightRow + (weightUnit ^ unit), band + inputRow + (inputUnit ^ unit));
                    }
                } else {
                    for (int k = 0; (k + warpK) * 16 < inputs; k += S::warpsK) {
                        const uint32_t band = start + k / 4 * S::bandBytes, unit = k % 4 * 32;
                        step(band + weightRow + (weightUnit ^ unit), band + inputRow + (inputUnit ^ unit));
                    }
                }
                __syncwarp();
                if (b.lane == 0) arrive(b.empty + 8 * stage);
                if (++stage == S::stages) { stage = 0; parity ^= 1; }
            }
            if constexpr (S::slots == 1) {
                writeAlone(tile);
            } else {
                if (tile == 0) b.waitForPeers();
                else waitForCluster(b.taken, (tile - 1) & 1);
                send();
                waitForCluster(b.arrived, tile & 1);
                write(tile, gathered);
                if (tile + 1 < b.tiles) tellPeers(b.taken);
            }
        }
        if (b.tiles == 0) b.waitForPeers();
    }
};

template <typename S>
__device__ __forceinline__ void product(const DenseParams &p) {
    extern __shared__ __align__(1024) char shared[];
    const Block<S> block(p, sharedAddress(shared));
    block.prepare();
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
    if (block.warp >= S::workers) {
        Copier<S>(block).run();
        block.waitForPeers();
    } else {
        Worker<S>(block).run(reinterpret_cast<const float *>(shared + S::stages * S::stageBytes));
    }
}

#endif

}  // namespace dense
