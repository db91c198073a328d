#pragma once

#include "DevicePointer.h"

// y = the sum of all ranks' y, in the order of the ranks. Addresses of other ranks' memory are those that this rank sees.
struct RankSumParams {
    // By rank: two halves of `halfElements` elements each.
    DEVICE_POINTER(void) staging[8];
    // By rank: uint32 [blocks, 8], zero at first.
    DEVICE_POINTER(uint32_t) arrivals[8];
    // Of this rank: uint32 [blocks], zero at first.
    DEVICE_POINTER(uint32_t) epochs;
    DEVICE_POINTER(void) y;
    // Of y: a multiple of 8, at most halfElements.
    int64_t elementCount;
    int64_t halfElements;
    int32_t tpRank;
    int32_t unused;
};
