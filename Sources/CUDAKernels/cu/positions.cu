// Rotary position embedding and the append of keys and values to the paged cache; the norms of heads.
//
//     punica_rotate_append     q = rope(q) in place; cache ← rope(k), v
//     punica_normalize_heads   x = x / sqrt(mean(x²) + epsilon) * weight, head by head
//
// Rope pairs element i of a head with i + D/2: (a, b) → (a·cos - b·sin, b·cos + a·sin). Arithmetic is in float32; values
// are rounded to 16 bits where transformers rounds them, but for the cosines and products inside the rotation, which
// stay float32. A row whose kvPosition is -1 is padding, or another launch's affair: nothing of it is written.
//
// To queries, keys and values the updates that lie apart from them are added first.
//
// The cache: block b of a layer is K then V, each [G, P, D]; blocks are `blockStride` bytes apart.
//
// Constants: PUNICA_BF16, PUNICA_HEADS (H), PUNICA_KV_HEADS (G), PUNICA_HEAD_SIZE (D, even), PUNICA_BLOCK_SIZE (P).
//
// A group of neighbouring lanes has a head; each lane the same few elements of both its halves. With pack = the most of
// 8, 4, 2, 1 that divides D/2 and lanes = D/2/pack rounded up to a power of two (at most 32):
//     punica_rotate_append     grid (ceil((H + 2G)·lanes / 128), T), block 128
//     punica_normalize_heads   grid (ceil(heads·lanes / 128), T), block 128
#include "head_shape.cuh"
#include "rotation.cuh"
#include "row_updates.cuh"
#include "PositionParams.h"

#ifndef PUNICA_HEAD_THREADS
#define PUNICA_HEAD_THREADS 128
#endif

using namespace punica;

constexpr int heads = PUNICA_HEADS, kvHeads = PUNICA_KV_HEADS, headSize = PUNICA_HEAD_SIZE;
constexpr int blockSize = PUNICA_BLOCK_SIZE;
constexpr int headThreads = PUNICA_HEAD_THREADS;
constexpr int halfSize = headSize / 2;
constexpr int pack = packFor(halfSize);
constexpr int usedLanes = halfSize / pack;
constexpr int groupLanes = powerOfTwoFrom(usedLanes);
static_assert(headSize % 2 == 0, "rope pairs the halves of a head");
static_assert(groupLanes <= 32, "a head fits a warp");
static_assert(headThreads % 32 == 0, "whole warps, since norms shuffle");

// A lane's elements of one head: the same places of its lower and its upper half.
struct Piece {
    float low[pack], high[pack];
};

__device__ __forceinline__ Piece loadPiece(const element *head, int first) {
    Piece piece;
    load(piece.low, head + first);
    load(piece.high, head + halfSize + first);
    return piece;
}

__device__ __forceinline__ void storePiece(element *head, int first, const Piece &piece) {
    store(head + first, piece.low);
    store(head + halfSize + first, piece.high);
}

__device__ __forceinline__ Piece loadFloatPiece(const float *values, int first) {
    Piece piece;
    loadFloats(piece.low, values + first);
    loadFloats(piece.high, values + halfSize + first);
    return piece;
}

// Divides by the root mean square over the group's lanes; all lanes of the warp take part.
__device__ __forceinline__ void normalize(Piece &x, const Piece &weight, float epsilon) {
    float squares = 0;
#pragma unroll
    for (int i = 0; i < pack; i++) squares += x.low[i] * x.low[i] + x.high[i] * x.high[i];
    const float factor = 1.0f / sqrtf(warpSum<groupLanes>(squares) / headSize + epsilon);
#pragma unroll
    for (int i = 0; i < pack; i++) {
        x.low[i] = rounded(rounded(x.low[i] * factor) * weight.low[i]);
        x.high[i] = rounded(rounded(x.high[i] * factor) * weight.high[i]);
    }
}

extern "C" __global__ void __launch_bounds__(headThreads)
    punica_rotate_append(const __grid_constant__ RotateAppendParams p) {
    const int t = blockIdx.y;
    const int item = blockIdx.x * headThreads + threadIdx.x;
    const int head = item / groupLanes, first = item % groupLanes * pack;
    const int kvPosition = t < *p.rowCount ? p.kvPositions[t] : -1;
    if (kvPosition < 0) {
        waitForPredecessor();
        return;
    }
    const bool works = head < heads + 2 * kvHeads && first < halfSize;
    const bool isQuery = head < heads, isRotated = head < heads + kvHeads;
    const int64_t start = static_cast<int64_t>(t) * p.pitch;
    const element *updates = updatesOfRow(p.updates, t, start);
    float cosines[pack], sines[pack];
    if (works && isRotated) {
        const int64_t angle = static_cast<int64_t>(p.positions[t]) * halfSize + first;
        loadFloats(cosines, p.cosines + angle);
        loadFloats(sines, p.sines + angle);
    }
    releaseAndWait();
    if (!works) return;

    element *place = static_cast<element *>(p.qkv) + start + head * headSize;
    Piece x = loadPiece(place, first);
    addUpdates(x.low, updates, head * headSize + first);
    addUpdates(x.high, updates, head * headSize + halfSize + first);
    if (isRotated) {
#pragma unroll
        for (int i = 0; i < pack; i++) {
            const float low = x.low[i], high = x.high[i];
            x.low[i] = rotated(low, high, cosines[i], -sines[i]);
            x.high[i] = rotated(high, low, cosines[i], sines[i]);
        }
    }
    if (!isQuery) {
        // Values follow the keys, so the heads of both lie in the cache in their order in the row.
        char *block = static_cast<char *>(p.cache) + kvPosition / blockSize * p.blockStride;
        place = reinterpret_cast<element *>(block)
            + (static_cast<int64_t>(head - heads) * blockSize + kvPosition % blockSize) * headSize;
    }
    storePiece(place, first, x);
}

extern "C" __global__ void __launch_bounds__(headThreads)
    punica_normalize_heads(const __grid_constant__ NormalizeHeadsParams p) {
    const int t = blockIdx.y;
    const int item = blockIdx.x * headThreads + threadIdx.x;
    const int head = item / groupLanes, first = item % groupLanes * pack;
    const bool works = head < p.heads && first < halfSize;
    Piece x{}, weight{};
    if (works) weight = loadFloatPiece(p.weight, first);
    releaseAndWait();
    if (t >= *p.rowCount) return;
    element *place = static_cast<element *>(p.x) + static_cast<int64_t>(t) * p.pitch + p.column + head * headSize;
    if (works) x = loadPiece(place, first);
    normalize(x, weight, p.epsilon);
    if (works) storePiece(place, first, x);
}
