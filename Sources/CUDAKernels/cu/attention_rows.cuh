// What a block of row attention has to do and reads: its share, the cache, its queries, key and value rotated.
#pragma once

#include "head_shape.cuh"
#include "rotation.cuh"
#include "row_updates.cuh"
#include "RowAttentionParams.h"

namespace punica {

constexpr int heads = PUNICA_HEADS, kvHeads = PUNICA_KV_HEADS, headSize = PUNICA_HEAD_SIZE;
constexpr int blockSize = PUNICA_BLOCK_SIZE;
constexpr int halfSize = headSize / 2;
constexpr int group = heads / kvHeads;
constexpr int partHeads = group < 8 ? group : 8;
constexpr int queryParts = (group + partHeads - 1) / partHeads;
constexpr int usedLanes = headSize / 8;
constexpr int groupLanes = powerOfTwoFrom(usedLanes);
constexpr int threads = 128;
constexpr int groups = threads / groupLanes;
// Positions a group of lanes asks for at once. With more, where they fit, all wait longer than they gain.
constexpr int ahead = partHeads <= 2 ? 3 : 2;
// Positions a block asks for at once.
constexpr int atOnce = groups * ahead;
// What a block takes from its row: queries, then its key and its value.
constexpr int keyRow = partHeads, valueRow = partHeads + 1;
constexpr int rounds = (partHeads + 2 + groups - 1) / groups;
static_assert(headSize % 8 == 0 && groupLanes <= 32, "a lane reads 16 bytes of a head, and a head fits a warp");
static_assert(heads % kvHeads == 0, "every key has as many queries");

// What a lane reads of the positions that its group asks for at once.
struct Positions {
    uint4 key[ahead], value[ahead];
};

// Four neighbours of a head's lower half, and those that rope pairs them with.
struct Pairs {
    float low[4], high[4];
};

struct Angles {
    float cosines[4], sines[4];
};

// Rotated queries, the rotated key and the value of the block's row.
struct Rows {
    __align__(16) element of[partHeads + 2][headSize];
};

__device__ __forceinline__ int groupLane() { return threadIdx.x % groupLanes; }
__device__ __forceinline__ int groupNumber() { return threadIdx.x / groupLanes; }
// Of the 8 columns that a lane has of keys, values and queries.
__device__ __forceinline__ int laneColumn() { return groupLane() * 8; }
// Of the 4 columns of the lower half that a lane rotates, with those they are paired with.
__device__ __forceinline__ int pairColumn() { return groupLane() * 4; }
__device__ __forceinline__ bool isUsed() { return groupLane() < usedLanes; }

// What a block has to do: one row, some of one key/value head's queries, positions `from` ..< `to`.
struct Share {
    int row, kvHead, part, split;
    // The row's own position, and again if it is among the block's; otherwise -1.
    int position, own;
    // Those of the row that have positions.
    int splits;
    int from, to;

    __device__ __forceinline__ explicit Share(const RowAttentionParams &p)
        : row(p.rows ? p.rows[blockIdx.z] : blockIdx.z), kvHead(blockIdx.y / queryParts),
          part(blockIdx.y % queryParts), split(blockIdx.x),
          position(p.positions[row]) {
        const int end = position + 1;
        const int first = p.window > 0 && end > p.window ? end - p.window : 0;
        // Whole rounds, since a started one takes as long.
        const int length = ((end - first + p.splits - 1) / p.splits + atOnce - 1) / atOnce * atOnce;
        splits = (end - first + length - 1) / length;
        from = first + split * length;
        to = min(from + length, end);
        own = to == end ? position : -1;
    }

    __device__ __forceinline__ bool isEmpty() const { return from >= to; }
    __device__ __forceinline__ int firstHead() const { return kvHead * group + part * partHeads; }
    __device__ __forceinline__ int liveHeads() const { return min(partHeads, group - part * partHeads); }
};

// The cache of a layer for one key/value head.
struct HeadCache {
    char *keys;
    int64_t blockStride;
    // From a key to its value.
    static constexpr int64_t toValue = static_cast<int64_t>(kvHeads) * blockSize * headSize;

    __device__ __forceinline__ HeadCache(const RowAttentionParams &p, int kvHead)
        : keys(static_cast<char *>(p.cache) + static_cast<int64_t>(kvHead) * blockSize * headSize * sizeof(element)),
          blockStride(p.blockStride) {}

    __device__ __forceinline__ element *key(int block, int offset) const {
        return reinterpret_cast<element *>(keys + block * blockStride) + offset * headSize;
    }
};

// Of the cache, which a block reads once: L1 keeps none of it.
__device__ __forceinline__ uint4 loadOld(const element *place) {
    uint4 pack;
    asm volatile("ld.global.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(pack.x), "=r"(pack.y), "=r"(pack.z), "=r"(pack.w)
                 : "l"(place)
                 : "memory");
    return pack;
}

// The positions from `base` on that are in the cache since earlier steps.
__device__ __forceinline__ void fetchOld(
    Positions &x, const Share &share, const HeadCache &cache, const int *pages, int base) {
    int blocks[ahead];
#pragma unroll
    for (int u = 0; u < ahead; u++) {
        const int position = base + u * groups + groupNumber();
        const bool isThere = isUsed() && position < min(share.to, share.position);
        blocks[u] = isThere ? pages[static_cast<unsigned>(position) / blockSize] : -1;
    }
#pragma unroll
    for (int u = 0; u < ahead; u++) {
        if (blocks[u] < 0) continue;
        const int position = base + u * groups + groupNumber();
        const element *key = cache.key(blocks[u], static_cast<unsigned>(position) % blockSize) + laneColumn();
        x.key[u] = loadOld(key);
        x.value[u] = loadOld(key + cache.toValue);
    }
}

// The row's own position, if it is among those from `base` on.
__device__ __forceinline__ void fetchOwn(Positions &x, const Share &share, const Rows &rows, int base) {
#pragma unroll
    for (int u = 0; u < ahead; u++) {
        if (base + u * groups + groupNumber() != share.own || !isUsed()) continue;
        x.key[u] = *reinterpret_cast<const uint4 *>(rows.of[keyRow] + laneColumn());
        x.value[u] = *reinterpret_cast<const uint4 *>(rows.of[valueRow] + laneColumn());
    }
}

__device__ __forceinline__ Angles loadAngles(const RowAttentionParams &p, int position) {
    Angles angles = {};
    if (isUsed()) {
        const int64_t first = static_cast<int64_t>(position) * halfSize + pairColumn();
        loadFloats(angles.cosines, p.cosines + first);
        loadFloats(angles.sines, p.sines + first);
    }
    return angles;
}

__device__ __forceinline__ Pairs rotatedPairs(const Pairs &x, const Angles &angles) {
    Pairs y;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        y.low[i] = rotated(x.low[i], x.high[i], angles.cosines[i], -angles.sines[i]);
        y.high[i] = rotated(x.high[i], x.low[i], angles.cosines[i], angles.sines[i]);
    }
    return y;
}

__device__ __forceinline__ void storePairs(element *head, const Pairs &x) {
    store(head + pairColumn(), x.low);
    store(head + pairColumn() + halfSize, x.high);
}

// Whether a row is for a head that a group's last part does not have.
__device__ __forceinline__ bool isNoHead(int r, const Share &share) {
    return group % partHeads != 0 && r < keyRow && r >= share.liveHeads();
}

// Rotates the block's queries, and its key if the row's own position is its affair; that key and its value are appended
// by the first query part. All are taken with their updates. A group of lanes makes one row at a time.
__device__ __forceinline__ void makeRows(
    Rows &rows, const RowAttentionParams &p, const Share &share, const HeadCache &cache, const Angles &angles,
    int kvPosition, const element *updates) {
    const int64_t start = static_cast<int64_t>(share.row) * p.pitch;
    const element *source = static_cast<const element *>(p.qkv) + start;
    const int count = !isUsed() ? 0 : share.own >= 0 ? partHeads + 2 : share.liveHeads();
    Pairs made[rounds] = {};
#pragma unroll
    for (int i = 0; i < rounds; i++) {
        const int r = i * groups + groupNumber();
        if (r >= count || isNoHead(r, share)) continue;
        const int head = r < keyRow ? share.firstHead() + r : heads + (r - keyRow) * kvHeads + share.kvHead;
        const int low = head * headSize + pairColumn();
        load(made[i].low, source + low);
        load(made[i].high, source + low + halfSize);
        addUpdates(made[i].low, updates, low);
        addUpdates(made[i].high, updates, low + halfSize);
    }
#pragma unroll
    for (int i = 0; i < rounds; i++) {
        const int r = i * groups + groupNumber();
        if (r >= count || isNoHead(r, share)) continue;
        if (r != valueRow) made[i] = rotatedPairs(made[i], angles);
        storePairs(rows.of[r], made[i]);
        if (r < keyRow || share.part > 0 || kvPosition < 0) continue;
        storePairs(cache.key(kvPosition / blockSize, kvPosition % blockSize) + (r - keyRow) * cache.toValue, made[i]);
    }
}

}  // namespace punica
