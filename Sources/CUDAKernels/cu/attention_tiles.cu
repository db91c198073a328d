// Attention of sequences with several rows in a step: causal, after a cached prefix of any length.
//
//     punica_attend_tiles
//
// A tile has 64 rows of one key/value head's queries: row p of a sequence is query head p % (H / G) of the group
// at row p / (H / G), so that a group's queries share what is read. Keys and values come in tiles of 64 (32 where
// D > 128), copied while the last ones are multiplied. Tiles nobody of a warp sees are skipped. Sequences of one row
// are left out: they have row attention.
//
// Constants: PUNICA_BF16 and those of attention_tiles.cuh.
//
// Launch: grid (G, tiles), block 128; `tiles` is at least the sum over these sequences of
// ceil(rows · H / G / 64); blocks beyond leave at once. The last tiles, which see most, go first.
// Dynamic shared bytes: 2 · (64 + 4 · keys) · (D rounded up to 16, + 8), with keys 64 or 32 as above.
#include "attention_tiles.cuh"

using namespace punica;

constexpr int threads = 128, tileRows = 64;
constexpr int tileKeys = depth <= 128 ? 64 : 32;

// A sequence's tile: its first packed row; none when the sequence is negative.
struct Tile {
    int sequence;
    int first;
};

// The same in all lanes.
__device__ __forceinline__ int tilesOf(const TileAttentionParams &p, int sequence, int count) {
    if (sequence >= count) return 0;
    const int rows = p.sequenceStarts[sequence + 1] - p.sequenceStarts[sequence];
    return rows == 1 ? 0 : (rows * group + tileRows - 1) / tileRows;
}

__device__ __forceinline__ Tile findTile(const TileAttentionParams &p, int fromLast) {
    const int count = *p.sequenceCount;
    // Whole chunks of 32 sequences from the last.
    for (int chunk = (count + 31) / 32 * 32 - 32; chunk >= 0; chunk -= 32) {
        const int mine = tilesOf(p, chunk + lane(), count);
        // Tiles of this lane's sequence and those after it in the chunk.
        int total = mine;
#pragma unroll
        for (int distance = 1; distance < 32; distance *= 2) {
            const int other = __shfl_down_sync(allLanes, total, distance);
            if (lane() + distance < 32) total += other;
        }
        const unsigned found = __ballot_sync(allLanes, fromLast >= total - mine && fromLast < total);
        if (found != 0) {
            const int owner = __ffs(found) - 1;
            return {chunk + owner, (__shfl_sync(allLanes, total, owner) - 1 - fromLast) * tileRows};
        }
        fromLast -= __shfl_sync(allLanes, total, 0);
    }
    return {-1, 0};
}

extern "C" __global__ void __launch_bounds__(threads)
    punica_attend_tiles(const __grid_constant__ TileAttentionParams p) {
    extern __shared__ __align__(16) element shared[];
    element *queries = shared, *ring = shared + tileRows * rowPitch;
    constexpr int ringPitch = 2 * tileKeys * rowPitch;

    waitForPredecessor();
    // Not sooner: row attention, which starts behind this, takes it that the rows are there.
    releaseSuccessor();
    const Tile tile = findTile(p, blockIdx.y);
    if (tile.sequence < 0) return;
    const int kvHead = blockIdx.x;
    const int start = p.sequenceStarts[tile.sequence];
    const int rows = p.sequenceStarts[tile.sequence + 1] - start, packedRows = rows * group;
    const int firstPosition = p.contextLengths[tile.sequence] - rows;
    const int *pages = p.pageIndices + p.pageStarts[tile.sequence];
    const char *cache = static_cast<const char *>(p.cache)
        + static_cast<int64_t>(kvHead) * blockSize * headSize * static_cast<int>(sizeof(element));

    const int lastPacked = min(tile.first + tileRows, packedRows) - 1;
    const int end = firstPosition + lastPacked / group + 1;
    const int lowest = firstPosition + tile.first / group;
    const int begin = p.window > 0 && lowest >= p.window ? (lowest - p.window + 1) / tileKeys * tileKeys : 0;

    const auto copyKeys = [&](int base, int slot) {
        const unsigned to = sharedAddress(ring + slot * ringPitch);
#pragma unroll 4
        for (int place = threadIdx.x; place < tileKeys * rowPieces; place += threads) {
            const int row = place / rowPieces, piece = place % rowPieces, position = base + row;
            const bool isThere = position < end && piece < headSize / 8;
            const char *from = cache;
            if (isThere) {
                from += pages[position / blockSize] * p.blockStride
                    + (position % blockSize * headSize + piece * 8) * static_cast<int>(sizeof(element));
            }
            const unsigned target = to + (row * rowPitch + piece * 8) * sizeof(element);
            copyAsync(target, from, isThere);
            copyAsync(target + tileKeys * rowPitch * sizeof(element), isThere ? from + toValues : from, isThere);
        }
    };

    for (int place = threadIdx.x; place < tileRows * rowPieces; place += threads) {
        const int row = place / rowPieces, piece = place % rowPieces, packed = tile.first + row;
        const bool isThere = packed < packedRows && piece < headSize / 8;
        const element *from = static_cast<const element *>(p.qkv);
        if (isThere) {
            from += static_cast<int64_t>(start + packed / group) * p.pitch
                + (kvHead * group + packed % group) * headSize + piece * 8;
        }
        copyAsync(sharedAddress(queries + row * rowPitch + piece * 8), from, isThere);
    }
    copyKeys(begin, 0);
    endCopies();

    // A warp has 16 neighbouring rows, a lane two of them.
    const int warpRow = warp() * 16;
    const bool isActive = tile.first + warpRow < packedRows;
    const int warpLowest = firstPosition + (tile.first + warpRow) / group;
    const int warpHighest = firstPosition + min(tile.first + warpRow + 15, packedRows - 1) / group;
    int highest[2];
#pragma unroll
    for (int half = 0; half < 2; half++) {
        highest[half] = firstPosition + min(tile.first + warpRow + half * 8 + lane() / 4, packedRows - 1) / group;
    }
    Softmax state;
    state.clear();
    const unsigned queryPlace = sharedAddress(queries + warpRow * rowPitch + rowPlace());

    int slot = 0;
    for (int base = begin; base < end; base += tileKeys, slot ^= 1) {
        waitForCopies<0>();
        __syncthreads();
        if (base + tileKeys < end) copyKeys(base + tileKeys, slot ^ 1);
        endCopies();
        const bool isSeen = base <= warpHighest && (p.window == 0 || base + tileKeys > warpLowest - p.window + 1);
        if (!isActive || !isSeen) continue;
        const element *keys = ring + slot * ringPitch, *values = keys + tileKeys * rowPitch;

        float scores[tileKeys / 8][4] = {};
        const unsigned keyStart = sharedAddress(keys + keyPlace());
#pragma unroll
        for (int k = 0; k < depth / 16; k++) {
            unsigned a[4];
            loadMatrices(a, queryPlace + k * 16 * sizeof(element));
#pragma unroll
            for (int n = 0; n < tileKeys / 16; n++) {
                unsigned b[4];
                loadMatrices(b, keyStart + (n * 16 * rowPitch + k * 16) * sizeof(element));
                multiply(scores[2 * n], a, b[0], b[1]);
                multiply(scores[2 * n + 1], a, b[2], b[3]);
            }
        }
        const bool isWhole = base + tileKeys - 1 <= warpLowest && (p.window == 0 || base > warpHighest - p.window);
        if (!isWhole) {
#pragma unroll
            for (int n = 0; n < tileKeys / 8; n++) {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    const int position = base + n * 8 + lane() % 4 * 2 + (i & 1), limit = highest[i >> 1];
                    if (position > limit || (p.window > 0 && position <= limit - p.window)) {
                        scores[n][i] = -infinity();
                    }
                }
            }
        }
        state.weigh(scores, p.scale);
        const unsigned valueStart = sharedAddress(values + rowPlace());
#pragma unroll
        for (int k = 0; k < tileKeys / 16; k++) {
            unsigned a[4];
            packWeights(a, scores, k);
#pragma unroll
            for (int n = 0; n < depth / 16; n++) {
                unsigned b[4];
                loadTransposed(b, valueStart + (k * 16 * rowPitch + n * 16) * sizeof(element));
                multiply(state.output[2 * n], a, b[0], b[1]);
                multiply(state.output[2 * n + 1], a, b[2], b[3]);
            }
        }
    }

    if (!isActive) return;
    // Through the warp's own query rows, so that whole 16 bytes are stored.
    state.finish();
#pragma unroll
    for (int half = 0; half < 2; half++) {
        const float factor = 1.0f / state.sum[half];
        element *row = queries + (warpRow + half * 8 + lane() / 4) * rowPitch + lane() % 4 * 2;
#pragma unroll
        for (int n = 0; n < depth / 8; n++) {
            *reinterpret_cast<unsigned *>(row + n * 8) =
                toPair(state.output[n][2 * half] * factor, state.output[n][2 * half + 1] * factor);
        }
    }
    __syncwarp();
    for (int place = lane(); place < 16 * (headSize / 8); place += 32) {
        const int row = warpRow + place / (headSize / 8), piece = place % (headSize / 8), packed = tile.first + row;
        if (packed >= packedRows) break;
        element *to = static_cast<element *>(p.output)
            + static_cast<int64_t>(start + packed / group) * p.outputPitch
            + (kvHead * group + packed % group) * headSize;
        *reinterpret_cast<uint4 *>(to + piece * 8) =
            *reinterpret_cast<const uint4 *>(queries + row * rowPitch + piece * 8);
    }
}
