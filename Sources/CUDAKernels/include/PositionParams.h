#pragma once

#include "DevicePointer.h"
#include "RowUpdates.h"

// Rows are [queries | keys | values] of heads, `pitch` elements apart. Rotated queries replace the queries; rotated
// keys and the values go to the cache.
struct RotateAppendParams {
    DEVICE_POINTER(void) qkv;
    struct RowUpdates updates;
    // [positions, D / 2]
    DEVICE_POINTER(const float) cosines;
    DEVICE_POINTER(const float) sines;
    DEVICE_POINTER(const int32_t) positions;
    DEVICE_POINTER(const int32_t) kvPositions;
    DEVICE_POINTER(const int32_t) rowCount;
    // Keys of this layer in block 0.
    DEVICE_POINTER(void) cache;
    // Bytes from a block to the next.
    int64_t blockStride;
    int32_t pitch;
    int32_t unused;
};

// x[t, column + h·D ..<] = x / rms(x) * weight, for h of `heads`.
struct NormalizeHeadsParams {
    DEVICE_POINTER(void) x;
    DEVICE_POINTER(const float) weight;
    DEVICE_POINTER(const int32_t) rowCount;
    int32_t column;
    int32_t heads;
    int32_t pitch;
    float epsilon;
};
