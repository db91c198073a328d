#pragma once

#include "DevicePointer.h"

// Attention of single query rows over the paged cache. Rows are [queries | keys | values], `pitch` elements apart.
struct RowAttentionParams {
    DEVICE_POINTER(const void) qkv;
    // Keys of this layer in block 0; the values of a block follow its keys.
    DEVICE_POINTER(const void) cache;
    DEVICE_POINTER(const int32_t) rowSequences;
    DEVICE_POINTER(const int32_t) positions;
    DEVICE_POINTER(const int32_t) pageStarts;
    DEVICE_POINTER(const int32_t) pageIndices;
    DEVICE_POINTER(const int32_t) rowCount;
    // [T, H·D]
    DEVICE_POINTER(void) output;
    // [T, H, splits, D + 2]: unnormalised output, largest score, sum of weights.
    DEVICE_POINTER(float) partials;
    // Bytes from a block to the next.
    int64_t blockStride;
    int32_t pitch;
    // Positions a query sees, itself included; 0 sees all.
    int32_t window;
    int32_t splits;
    // 1 / sqrt(D) · log2(e)
    float scale;
};
