#pragma once

#include "DevicePointer.h"
#include "RowUpdates.h"

// Rotation, append and attention of single rows. Rows are [queries | keys | values], `pitch` elements apart.
struct RowAttentionParams {
    DEVICE_POINTER(const void) qkv;
    struct RowUpdates updates;
    // Keys of this layer in block 0; the values of a block follow its keys.
    DEVICE_POINTER(void) cache;
    // [positions, D / 2]
    DEVICE_POINTER(const float) cosines;
    DEVICE_POINTER(const float) sines;
    // Which row each place of the grid has; null where it is the place's own number.
    DEVICE_POINTER(const int32_t) rows;
    // Where each row's page indices begin.
    DEVICE_POINTER(const int32_t) rowPages;
    DEVICE_POINTER(const int32_t) positions;
    DEVICE_POINTER(const int32_t) kvPositions;
    DEVICE_POINTER(const int32_t) pageIndices;
    DEVICE_POINTER(const int32_t) rowCount;
    // [T, H·D]
    DEVICE_POINTER(void) output;
    // [places, H, splits, D + 4]: unnormalised output, largest score, sum of weights, two unused.
    DEVICE_POINTER(float) partials;
    // [places, G · query parts]: splits that have left their partials; zero between launches.
    DEVICE_POINTER(uint32_t) arrivals;
    // Bytes from a block to the next.
    int64_t blockStride;
    int32_t pitch;
    // Positions a query sees, itself included; 0 sees all.
    int32_t window;
    // At most, up to 16; a row of few positions has fewer.
    int32_t splits;
    // 1 / sqrt(D) · log2(e)
    float scale;
    // Whether the predecessor makes the rows. If not, it has waited for what does before it released this launch, which
    // then runs beside it and waits for it in the end.
    int32_t followsRows;
    // Elements from one row of the output to the next.
    int32_t outputPitch;
};
