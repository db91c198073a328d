#pragma once

#include "DevicePointer.h"

// Attention of the sequences with several rows over the paged cache. Rows are [queries | keys | values], `pitch` elements
// apart, and only their queries are read.
struct TileAttentionParams {
    DEVICE_POINTER(const void) qkv;
    // Keys of this layer in block 0; the values of a block follow its keys.
    DEVICE_POINTER(const void) cache;
    // [B + 1]
    DEVICE_POINTER(const int32_t) sequenceStarts;
    // [B], the rows of this step included.
    DEVICE_POINTER(const int32_t) contextLengths;
    DEVICE_POINTER(const int32_t) pageStarts;
    DEVICE_POINTER(const int32_t) pageIndices;
    // Sequences that live.
    DEVICE_POINTER(const int32_t) sequenceCount;
    // [T, H·D]
    DEVICE_POINTER(void) output;
    // Bytes from a block to the next.
    int64_t blockStride;
    int32_t pitch;
    // Positions a query sees, itself included; 0 sees all.
    int32_t window;
    // 1 / sqrt(D) · log2(e)
    float scale;
    // Elements from one row of the output to the next.
    int32_t outputPitch;
};
